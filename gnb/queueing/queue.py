"""A queue: jobs go in here, and every move of a job that a person asks for is made here, each one atomic step.

queue = engine.queue("export")
job = queue.enqueue("bookings-csv", {"filters": {}}, priority=1, delay=60)
queue.retry(job.id)
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from . import clock
from . import keys as names
from .connection import Broker
from .enqueueing import Prepared, prepare
from .errors import InvalidJobOption, InvalidJobState, JobNotFound
from .job_types import JobTypes
from .keys import QueueKeys
from .options import JobOptions, QueueOptions, RateLimit, whole
from .reading import QueueReader
from .records import Job
from .scripts import DRAIN, ENQUEUE, PAUSE, REMOVE, REPRIORITISE, REQUEUE
from .stopping import ask_to_stop

T = TypeVar("T")

_BATCH = 500
_PLACES_AT_ONCE = 500_000
_BATCHES_ON_THE_WAY = 20
_STOP_WITHIN = 5.0


class Queue(QueueReader):
    """One of the engine's queues. Methods raise QueueUnavailable while the broker is away."""

    def __init__(self, broker: Broker, name: str, options: QueueOptions, types: JobTypes):
        super().__init__(broker, QueueKeys(name, options.job.priority))
        self.options = options
        self._types = types

    # Jobs in

    def enqueue(self, job_type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
        """The new job; with a `job_id` that is taken, the job that has it. Options as in `JobOptions`.

        Raises UnknownJobType, InvalidJobData, InvalidJobOption.
        """
        prepared = self.prepared(job_type, data, options)
        made = self.broker.run(ENQUEUE, [self.keys.wake], _enqueue_args([prepared]))
        return prepared.job if made[0] or not prepared.named else self.job(prepared.job.id)

    def enqueue_many(self, jobs: Iterable[tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]]) -> list[Job]:
        """The jobs for each (type, data, options), written 500 at a time once all are checked."""
        prepared = [self.prepared(job_type, data, options) for job_type, data, options in jobs]
        for some in batched(prepared, _BATCH * _BATCHES_ON_THE_WAY):
            self.broker.run_each(ENQUEUE, [self.keys.wake], [_enqueue_args(batch) for batch in batched(some, _BATCH)])
        return [each.job for each in prepared]

    def prepared(self, job_type: str, data: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Prepared:
        """The job as it would be written, checked. Raises UnknownJobType, InvalidJobData, InvalidJobOption."""
        declared = self._types.get(self.name, job_type)
        return prepare(self.keys, declared, self.default_options[job_type], data or {}, options)

    @cached_property
    def default_options(self) -> dict[str, JobOptions]:
        """By type, what its jobs have when the call sets nothing."""
        declared = self._types.of(self.name)
        return {name: self.options.job.override(job_type.options) for name, job_type in declared.items()}

    # One job

    def retry(self, job_id: str) -> None:
        """A failed job waits again, with all its attempts. Raises JobNotFound, InvalidJobState."""
        self._requeue_one(job_id, "failed", "rq:failed:", "only a failed job can be retried")

    def run_again(self, job_id: str) -> None:
        """A completed job waits again. Raises JobNotFound, InvalidJobState."""
        self._requeue_one(job_id, "completed", "rq:finished:", "only a completed job can be run again")

    def promote(self, job_id: str) -> None:
        """A delayed job waits at once. Raises JobNotFound, InvalidJobState."""
        self._requeue_one(job_id, "delayed", "rq:scheduled:", "only a delayed job can be promoted", fresh="")

    def remove(self, job_id: str) -> None:
        """The job is gone; a running one is stopped first, within 2 s. Raises JobNotFound, InvalidJobState."""
        self.job(job_id)
        deadline = time.monotonic() + _STOP_WITHIN
        while (answer := self._remove([job_id])[0]) == 0:
            ask_to_stop(self.broker, self.keys, job_id)
            time.sleep(0.05)
            if time.monotonic() > deadline:
                raise InvalidJobState(f"job {job_id} is still running; its worker did not stop it in time")
        if answer < 0:
            raise JobNotFound(f"the queue {self.name} has no job {job_id!r}")

    def stop(self, job_id: str) -> None:
        """The running job is told to stop, and killed if it does not listen. Raises JobNotFound, InvalidJobState."""
        state = self.job(job_id).state
        if state != "active" or not ask_to_stop(self.broker, self.keys, job_id):
            raise InvalidJobState(f"job {job_id} is {state}; only an active job can be stopped")

    def set_priority(self, job_id: str, priority: int) -> None:
        """The waiting or delayed job moves behind those of that priority. Raises JobNotFound, InvalidJobState."""
        job, band = self.job(job_id), self.keys.band(whole(priority, "priority", 1, 10))
        if self.broker.run(REPRIORITISE, [self.keys.wake], [job_id, band]) != 1:
            raise InvalidJobState(f"job {job_id} is {job.state}; only a waiting or delayed job changes its priority")

    def _requeue_one(self, job_id: str, state: str, registry: str, rule: str, fresh: str = "1") -> None:
        job = self.job(job_id)
        answer = self._requeue([job_id], registry, fresh)[0] if job.state == state else 0
        if answer < 0:
            raise JobNotFound(f"the queue {self.name} has no job {job_id!r}")
        if answer == 0:
            raise InvalidJobState(f"job {job_id} is {self.job(job_id).state}; {rule}")

    def _requeue(self, ids: list[str], registry: str, fresh: str = "1") -> list[int]:
        args = [clock.rq_time(), registry, fresh, *ids]
        return self.broker.run(REQUEUE, [self.keys.wake], args)  # type: ignore[no-any-return]

    def _remove(self, ids: list[str]) -> list[int]:
        answers: list[int] = []
        while len(answers) < len(ids):
            answers += self.broker.run(REMOVE, [], [_PLACES_AT_ONCE, *ids[len(answers) :]])
        return answers

    # Many jobs

    def retry_failed(self, ids: Iterable[str] | None = None) -> int:
        """How many failed jobs wait again: those of the ids, or all."""
        chosen = self._ids("failed") if ids is None else self._own(ids)
        return sum(answer == 1 for batch in batched(chosen, _BATCH) for answer in self._requeue(batch, "rq:failed:"))

    def promote_many(self, ids: Iterable[str]) -> int:
        """How many of these were delayed and now wait."""
        batches = batched(self._own(ids), _BATCH)
        return sum(answer == 1 for batch in batches for answer in self._requeue(batch, "rq:scheduled:", ""))

    def remove_many(self, ids: Iterable[str]) -> int:
        """How many of these were removed; running ones stay."""
        return sum(answer == 1 for batch in batched(self._own(ids), _BATCH) for answer in self._remove(batch))

    def clean(self, older_than: timedelta = timedelta(0), state: str = "completed", limit: int | None = None) -> int:
        """How many jobs that ended at least so long ago were removed, the oldest first, at most `limit`."""
        if state not in ("completed", "failed"):
            raise InvalidJobOption(f"state is {state!r}; only completed or failed jobs are cleaned")
        seconds, microseconds = self.broker.call(self.broker.client.time)
        now = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
        ids = [job_id for job_id, (ended,) in self.scan(state, ("ended_at",)) if _is_by(ended, now - older_than)]
        return self.remove_many(ids[::-1] if limit is None else ids[::-1][:limit])

    def drain(self) -> int:
        """How many waiting and delayed jobs were removed, in slices that keep the broker free; active ones go on."""
        removed = 0
        while count := self.broker.run(DRAIN, self.keys.waiting + self.keys.delayed, [_BATCH]):
            removed += int(count)
        return removed

    def _ids(self, state: str) -> list[str]:
        return [job_id for job_id, _ in self.scan(state, ())]

    def _own(self, ids: Iterable[str]) -> list[str]:
        """Those ids whose jobs are this queue's."""
        chosen = list(ids)
        pipeline = self.broker.client.pipeline(transaction=False)
        for job_id in chosen:
            pipeline.hget(names.job(job_id), "origin")
        bands = set(self.keys.bands)
        origins = self.broker.call(pipeline.execute) if chosen else []
        return [job_id for job_id, origin in zip(chosen, origins, strict=True) if origin and origin.decode() in bands]

    # The queue itself

    def pause(self) -> None:
        """Running jobs finish, nothing new starts until `resume`."""
        self.broker.run(PAUSE, [self.keys.paused, self.keys.wake], [clock.rq_time()])

    def resume(self) -> None:
        """Jobs start again."""
        self.broker.run(PAUSE, [self.keys.paused, self.keys.wake], [""])

    def set_rate_limit(self, limit: str | None) -> None:
        """From now on this limit holds, like "50/60s" or "none"; None: the one it was configured with."""
        client = self.broker.client
        if limit is None:
            self.broker.call(lambda: client.delete(self.keys.limit))
            return
        parsed = RateLimit.parse(limit)
        self.broker.call(lambda: client.set(self.keys.limit, parsed.wire if parsed else "1000000/0.000001"))


def _is_by(text: str, moment: datetime) -> bool:
    at = clock.parse(text)
    return at is not None and at <= moment


def batched(items: list[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most that size."""
    return (items[at : at + size] for at in range(0, len(items), size))


def _enqueue_args(batch: list[Prepared]) -> list[Any]:
    args: list[Any] = [len(batch)]
    for prepared in batch:
        args.extend(prepared.words)
    return args
