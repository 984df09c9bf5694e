"""A queue: enqueues jobs, and changes jobs and the queue on a person's request, each in one atomic step.

queue = engine.queue("export")
job = queue.enqueue("bookings-csv", {"filters": {}}, priority=1, delay=60)
queue.retry(job.id)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from . import clock
from . import keys as names
from .connection import Broker
from .errors import InvalidJobOption, InvalidJobState, JobIdTaken, JobNotFound, QueueUnavailable
from .job import Job, finite_number
from .job_spec import JobSpec, build_job_spec, call_start, option_fields
from .job_types import JobType, JobTypes, callback_type, callback_wire
from .keys import REGISTRIES
from .options import MOST_SECONDS, Duration, seconds, whole
from .queue_options import LIMITS, QueueOptions
from .queue_reader import QueueReader
from .scripts import DRAIN, ENQUEUE, PAUSE, REMOVE, REPRIORITISE, REQUEUE, RESCHEDULE
from .worker.commands import request_stop

T = TypeVar("T")

_STATES_MADE = {2: "deferred", 3: "failed"}
"""By the enqueue script's answer, the state of a new job that neither waits nor is delayed."""

_BATCH, _BATCHES_ON_THE_WAY = 500, 20
_PLACES_AT_ONCE = 500_000
_STOP_WITHIN = 5.0


class Queue(QueueReader):
    """One of the engine's queues. Methods raise QueueUnavailable while the broker is unreachable."""

    def __init__(
        self, broker: Broker, name: str, options: QueueOptions, types: JobTypes, find: "Callable[[str], Queue]"
    ):
        super().__init__(broker, name, options, types)
        self._find = find

    # Jobs in

    def enqueue(self, job_type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
        """The new job; or, with `deduplicated` set, the one that has the `job_id` or holds the `deduplication` id.

        One that holds it, has ended and is no longer kept has the state "removed". Options as in `JobOptions`.
        Raises UnknownJobType, InvalidJobData, InvalidJobOption, JobIdTaken.
        """
        spec = self.build_job(job_type, data, options)
        keys, args = [self.keys.wake, self.keys.counts], self._enqueue_args([spec])
        (made,) = self._checked(self.broker.run(ENQUEUE, keys, args), [spec])
        if isinstance(made, list):
            return self._holder(spec.job, made[0].decode())
        if made:
            return self.job(spec.job.id) if _STATES_MADE.get(made) == "failed" else spec.job
        try:
            existing = self.job(spec.job.id)
        except JobNotFound:
            raise JobIdTaken("other_queue", value=repr(spec.job.id)) from None
        if existing.name != job_type:
            raise JobIdTaken("other_type", value=repr(spec.job.id), type=repr(existing.name))
        return replace(existing, deduplicated=True)

    def _holder(self, wanted: Job, job_id: str) -> Job:
        try:
            return replace(self.job(job_id), deduplicated=True)
        except JobNotFound:
            return replace(wanted, id=job_id, state="removed", deduplicated=True)

    def enqueue_many(self, jobs: Iterable[tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]]) -> list[Job]:
        """The jobs for each (type, data, options), written 500 at a time once all are checked.

        A job may depend on those before it. With an unknown parent, its 500 are not written. A job whose `job_id` is
        taken, or whose deduplication id another one holds, is returned with that one's id and `deduplicated` set.
        """
        specs = [self.build_job(job_type, data, options) for job_type, data, options in jobs]
        for some in batched(specs, _BATCH * _BATCHES_ON_THE_WAY):
            batches = list(batched(some, _BATCH))
            args = [self._enqueue_args(batch) for batch in batches]
            answers = self.broker.run_each(ENQUEUE, [self.keys.wake, self.keys.counts], args)
            for answer, batch in zip(answers, batches, strict=True):
                for spec, made in zip(batch, self._checked(answer, batch), strict=True):
                    if not made or isinstance(made, list):
                        spec.job = replace(spec.job, id=made[0].decode() if made else spec.job.id, deduplicated=True)
        return [spec.job for spec in specs]

    def _enqueue_args(self, batch: list[JobSpec]) -> list[Any]:
        has_parents = any(spec.options.depends_on.ids for spec in batch)
        args: list[Any] = [len(batch), clock.rq_time(self.broker.time()) if has_parents else ""]
        for spec in batch:
            args.extend(spec.args)
        return args

    def _checked(self, made: list[Any], batch: list[JobSpec]) -> list[Any]:
        """Return the script's answer, once the jobs say what it did. Raises InvalidJobOption for a wrong parent."""
        if made[0] in (-1, -2):
            parent = made[1].decode()
            raise InvalidJobOption("no_parent" if made[0] == -1 else "circular_parent", value=repr(parent))
        for spec, answer in zip(batch, made, strict=True):
            if not isinstance(answer, list) and answer in _STATES_MADE:
                spec.job.state, spec.job.run_at = _STATES_MADE[answer], None
        return made

    def build_job(self, job_type: str, data: Mapping[str, Any] | None, options: Mapping[str, Any]) -> JobSpec:
        """Return the job as it would be written, checked. Raises UnknownJobType, InvalidJobData, InvalidJobOption."""
        declared = self._types.get(self.name, job_type)
        try:
            now = self.broker.time()
        except QueueUnavailable:  # nothing will be enqueued, but wrong data is reported as such
            now = time.time()
        base, correlation_id = self.default_options[job_type], self._types.correlation_id()
        limit = self.options.key_limit(declared.rate_limit)
        spec = build_job_spec(self.keys, declared, base, data or {}, options, now, correlation_id, limit)
        for option in ("on_success", "on_failure"):
            if name := getattr(spec.options, option):
                spec.fields += [option, self._callback(declared, name, option)]
        return spec

    def _callback(self, job_type: JobType, name: str, option: str) -> str:
        declared = callback_type(self._types, self.name, name, option)
        queue = self._find(declared.queue)
        options = queue.default_options[declared.name]
        sub_queue = queue.keys.sub_queue(options.priority)
        fields = ["type", declared.name, "origin", sub_queue, *option_fields(options, options)]
        return callback_wire(call_start(declared), sub_queue, fields, job_type)

    # One job

    def retry(self, job_id: str) -> None:
        """Requeue a failed job, with all its attempts. Raises JobNotFound, InvalidJobState."""
        self._requeue_one(job_id, self.keys.failed, "not_failed")

    def run_again(self, job_id: str) -> None:
        """Requeue a completed job. Raises JobNotFound, InvalidJobState."""
        self._requeue_one(job_id, self.keys.completed, "not_completed")

    def promote(self, job_id: str) -> None:
        """Requeue a delayed job immediately, or a deferred one without waiting for others.

        Raises JobNotFound, InvalidJobState.
        """
        self._check_no_template(job_id)
        if self._requeue([job_id], self.keys.deferred, fresh="") != [1]:
            self._requeue_one(job_id, self.keys.delayed, "not_delayed", fresh="")

    def remove(self, job_id: str) -> None:
        """Remove the job; a running one is stopped first, within 5 s. Raises JobNotFound, InvalidJobState."""
        self._check_no_template(job_id)
        deadline = time.monotonic() + _STOP_WITHIN
        while (answer := self._remove([job_id])[0]) == 0:
            request_stop(self.broker, self.keys, job_id)
            time.sleep(0.05)
            if time.monotonic() > deadline:
                raise InvalidJobState("running", id=job_id)
        if answer < 0:
            raise self._no_job(job_id)

    def stop(self, job_id: str) -> None:
        """Request that the running job stop; it is killed if it does not. Raises JobNotFound, InvalidJobState."""
        state = self.job(job_id).state
        if state != "active" or not request_stop(self.broker, self.keys, job_id):
            raise InvalidJobState("not_active", id=job_id, state=state)

    def set_priority(self, job_id: str, priority: int) -> int:
        """Move a job that does not run yet to the end of the sub-queue of this priority; return its previous priority.

        Raises JobNotFound, InvalidJobState, InvalidJobOption.
        """
        self._check_no_template(job_id)
        job, sub_queue = self.job(job_id), self.keys.sub_queue(whole(priority, "priority", 1, 10))
        if self.broker.run(REPRIORITISE, [self.keys.wake], [job_id, sub_queue]) != 1:
            raise InvalidJobState("not_waiting", id=job_id, state=job.state)
        return job.priority

    def reschedule(self, job_id: str, when: datetime | Duration | str) -> datetime:
        """Have a delayed job run at that time (aware) or after that delay; return its previous time. Raises
        JobNotFound, InvalidJobState, InvalidJobOption."""
        self._check_no_template(job_id)
        now = self.broker.time()
        at = when.timestamp() if isinstance(when, datetime) else now + seconds(when, "delay")
        if not 0 <= at <= now + MOST_SECONDS:
            raise InvalidJobOption("time", time=str(when))
        before = self.broker.run(RESCHEDULE, self.keys.delayed, [job_id, f"{at:.6f}"])
        if before is None:
            raise self._no_job(job_id)
        if not before:
            raise InvalidJobState("not_rescheduled", id=job_id, state=self.job(job_id).state)
        return datetime.fromtimestamp(float(before), UTC)

    def _check_no_template(self, job_id: str) -> None:
        if job_id.startswith(names.TEMPLATE_PREFIX) and self.job(job_id):
            raise InvalidJobState("template", id=job_id)

    def _requeue_one(self, job_id: str, registries: list[str], reason: str, fresh: str = "1") -> None:
        answer = self._requeue([job_id], registries, fresh)[0]
        if answer < 0:
            raise self._no_job(job_id)
        if answer == 0:
            raise InvalidJobState(reason, id=job_id, state=self.job(job_id).state)

    def _requeue(self, ids: list[str], registries: list[str], fresh: str = "1") -> list[int]:
        args = [clock.rq_time(self.broker.time()), fresh, *ids]
        return self.broker.run(REQUEUE, [*registries, self.keys.wake], args)  # type: ignore[no-any-return]

    def _remove(self, ids: list[str], registry: str = "") -> list[int]:
        answers: list[int] = []
        while len(answers) < len(ids):
            args = [_PLACES_AT_ONCE, registry, clock.rq_time(self.broker.time()), *ids[len(answers) :]]
            answers += self.broker.run(REMOVE, self.keys.waiting, args)
        return answers

    # Many jobs

    def retry_failed(self, ids: Iterable[str] | None = None) -> int:
        """Requeue failed jobs, those of the ids or all, and return their number."""
        chosen = [job_id for job_id, _ in self.scan("failed", ())] if ids is None else ids
        return self._requeue_many(chosen, self.keys.failed)

    def promote_many(self, ids: Iterable[str]) -> int:
        """Requeue those of these jobs that are delayed or deferred, and return their number."""
        chosen = list(ids)
        registries = (self.keys.delayed, self.keys.deferred)
        return sum(self._requeue_many(chosen, registry, fresh="") for registry in registries)

    def remove_many(self, ids: Iterable[str], state: str | None = None) -> int:
        """Remove these jobs and return how many were removed.

        Running jobs stay, and with `state` all that have left it meanwhile: a failed job that was retried is not lost.
        """
        registry = REGISTRIES[state] if state else ""
        return sum(answer == 1 for batch in batched(list(ids), _BATCH) for answer in self._remove(batch, registry))

    def clean(self, older_than: Duration = 0, state: str = "completed", limit: int | None = None) -> int:
        """Remove jobs that ended at least so long ago, the oldest first, at most `limit`; return their number."""
        if state not in ("completed", "failed"):
            raise InvalidJobOption("clean_state", value=repr(state))
        latest = self.broker.now() - timedelta(seconds=seconds(older_than, "older_than"))
        ended = [(at, job_id) for job_id, (at,) in self.scan(state, ("ended_at",)) if _is_by(at, latest)]
        return self.remove_many([job_id for _, job_id in sorted(ended)[:limit]], state)

    def drain(self) -> int:
        """Remove the waiting and delayed jobs, 500 in one step, and return their number; active ones go on."""
        removed, now = 0, clock.rq_time(self.broker.time())
        while count := self.broker.run(DRAIN, self.keys.waiting + self.keys.delayed, [_BATCH, now]):
            removed += int(count)
        return removed

    def _requeue_many(self, ids: Iterable[str], registries: list[str], fresh: str = "1") -> int:
        batches = batched(list(ids), _BATCH)
        return sum(answer == 1 for batch in batches for answer in self._requeue(batch, registries, fresh))

    def seconds_unavailable(self, job_id: str) -> float:
        """Return for how long an outage, such as of a database, delays the job: seconds since the first call for it."""
        key, now = names.job(job_id), self.broker.time()
        pipeline = self.broker.client.pipeline().hsetnx(key, "unavailable_since", f"{now:.3f}")
        _, since = self.broker.call(pipeline.hget(key, "unavailable_since").execute)
        return max(now - (finite_number(since) or now), 0.0)

    # The queue itself

    def pause(self) -> None:
        """Start no further job until `resume`; running jobs finish."""
        self.broker.run(PAUSE, [self.keys.paused, self.keys.wake], [clock.rq_time(self.broker.time())])

    def resume(self) -> None:
        """Start jobs again."""
        self.broker.run(PAUSE, [self.keys.paused, self.keys.wake], [""])

    def set_limits(self, limits: Mapping[str, Any]) -> None:
        """Set limits for all processes from now on; jobs that run already go on. Raises InvalidJobOption.

        `rate_limit` is like "50/60s", `concurrency_limit` like 3, and either may be "none". `remove_on_complete` and
        `remove_on_fail` are as in `JobOptions`, or like "24h/1000"; they hold for jobs that end from now on and have no
        retention of their own or of their type. None restores what is configured.
        """
        wire = {name: None if limit is None else LIMITS[name](limit) for name, limit in limits.items()}
        keys = dict(zip(LIMITS, (self.keys.limit, self.keys.concurrency, *self.keys.retention), strict=True))
        pipeline = self.broker.client.pipeline()
        for name, text in wire.items():
            if text is None:
                pipeline.delete(keys[name])
            else:
                pipeline.set(keys[name], text)
        pipeline.zadd(self.keys.wake, {"work": 0})
        self.broker.call(pipeline.execute)


def _is_by(text: str, moment: datetime) -> bool:
    return (at := clock.parse(text)) is not None and at <= moment


def batched(items: list[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most that size."""
    return (items[at : at + size] for at in range(0, len(items), size))
