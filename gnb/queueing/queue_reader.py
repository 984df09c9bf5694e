"""Reading a queue: pages of jobs, one job whole, search, history, groups of failures. Changes nothing."""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from itertools import islice
from typing import Any

from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from . import clock
from . import keys as names
from .connection import Broker
from .dependencies import RELATED_FIELDS, RelatedJob, related_job
from .errors import InvalidJobOption, JobNotFound
from .job import FIELDS, STATE_OF_STATUS, STATES, Attempt, Job, attempts_from_results, job_from_hash
from .job_context import LOG_SEPARATOR
from .job_types import JobTypes
from .keys import QueueKeys
from .messages import Message
from .metrics import HistoryPoint, histories
from .options import JobOptions
from .queue_options import QueueOptions
from .scripts import PAGE, RELATIVES
from .search import Found, JobFilter, failure_key, find, fold, read_jobs

PAGE_LIMIT = 1000
_SCANNED_AT_ONCE = 400
_MOST_ATTEMPTS = 100
_DEPENDENTS_SHOWN = 100
"""As many as dependents.lua notes."""
_BYTES_AT_ONCE = 4_000_000
"""A slice ends early at so much data, so that large jobs do not block the broker or this process."""


@dataclass(frozen=True)
class JobPage:
    """The jobs asked for, and how many the state has in all. A search goes on at `cursor`; None: all were seen."""

    jobs: list[Job]
    total: int
    cursor: int | None = None


@dataclass(frozen=True)
class FailureGroup:
    """Failed jobs whose errors are alike once numbers and ids are folded: `ids`, the newest first, and its `error`."""

    signature: str
    error: str
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    types: tuple[str, ...]
    ids: tuple[str, ...]
    last_hour: int = 0
    """How many failed in the last hour."""
    hour_before: int = 0
    """How many failed in the hour before the last."""

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that stand for the signature."""
        return failure_key(self.signature)


class QueueReader:
    """The reading half of a queue."""

    masked = False
    """Whether `shown` leaves anything out; a search then compares with what it returns."""

    def __init__(self, broker: Broker, name: str, options: QueueOptions, types: JobTypes):
        self.broker = broker
        self.keys = QueueKeys(name, options.job.priority)
        self.name = name
        self.options = options
        self._types = types

    @cached_property
    def default_options(self) -> dict[str, JobOptions]:
        """By type, what its jobs have when the call sets nothing."""
        declared = self._types.of(self.name)
        return {name: self.options.job.override(job_type.options) for name, job_type in declared.items()}

    def options_of(self, job_type: str | None) -> JobOptions:
        """Return the default options of a type, those of the queue if the type is not declared."""
        return self.default_options.get(job_type or "", self.options.job)

    def shown(self, job: Job) -> Job:
        """The job as this reader's user may read it."""
        return job

    def shown_groups(self, groups: list[FailureGroup]) -> list[FailureGroup]:
        """The same for groups of failed jobs."""
        return groups

    def job(self, job_id: str) -> Job:
        """The job with its result and every error, newest first. Raises JobNotFound."""
        return self.job_and_attempts(job_id)[0]

    def attempts(self, job_id: str) -> list[Attempt]:
        """The job's newest hundred attempts, newest first. Raises JobNotFound."""
        return self.job_and_attempts(job_id)[1]

    def job_and_attempts(self, job_id: str) -> tuple[Job, list[Attempt]]:
        """Both in one round trip. Raises JobNotFound."""
        pipeline = self.broker.client.pipeline(transaction=False)
        pipeline.hmget(names.job(job_id), FIELDS)
        pipeline.xrevrange(names.results(job_id), count=_MOST_ATTEMPTS)
        for key in (*self.keys.delayed, names.NEXT):
            pipeline.zscore(key, job_id)
        values, entries, *scores = self.broker.call(pipeline.execute)
        score = next((score for score in scores if score is not None and score < names.PAUSED), None)
        job = job_from_hash(self.keys, self.options_of, job_id, values, score)
        origin = values[FIELDS.index("origin")]
        if job is None or (origin or b"").decode() not in self.keys.sub_queues:
            raise self._no_job(job_id)
        attempts = attempts_from_results(entries)
        errors = tuple(attempt.error for attempt in attempts if attempt.error)
        value = next((attempt.return_value for attempt in attempts if attempt.outcome == "completed"), None)
        return replace(job, stacktrace=errors, return_value=value if job.state == "completed" else None), attempts

    def unfinished(self, job_ids: list[str]) -> set[str]:
        """Return the ids of those jobs that wait or run, in one round trip."""
        pipeline = self.broker.client.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hmget(names.job(job_id), "status", "origin")
        replies = self.broker.call(pipeline.execute) if job_ids else []
        states = {
            job_id: STATE_OF_STATUS.get((status or b"").decode())
            for job_id, (status, origin) in zip(job_ids, replies, strict=True)
            if (origin or b"").decode() in self.keys.sub_queues
        }
        return {job_id for job_id, state in states.items() if state not in (None, "completed", "failed")}

    def _no_job(self, job_id: str) -> JobNotFound:
        return JobNotFound(queue=self.name, id=repr(job_id))

    def relatives(self, job_id: str) -> tuple[list[RelatedJob], list[RelatedJob]]:
        """Return the jobs that this one depends on, and those that depend on it, at most 100 of these."""
        keys = [names.job(job_id), names.dependents(job_id)]
        rows: list[Any] = self.broker.run(RELATIVES, keys, [_DEPENDENTS_SHOWN, *RELATED_FIELDS])
        parents, dependents = ([related_job(each.decode(), values) for each, *values in group] for group in rows)
        return parents, dependents

    def logs(self, job_id: str) -> list[str]:
        """The newest 1,000 lines that the job wrote, oldest first."""
        return [line for _, line in self.timed_logs(job_id)]

    def timed_logs(self, job_id: str) -> list[tuple[datetime | None, str]]:
        """The same, each with its time; a line from before times were stored has none."""
        lines = self.broker.call(lambda: self.broker.client.lrange(names.logs(job_id), 0, -1))
        parts = [line.decode(errors="replace").partition(LOG_SEPARATOR) for line in lines]
        return [(clock.parse(at) if mark else None, line if mark else at) for at, mark, line in parts]

    def jobs_ahead(self, job_id: str) -> int:
        """How many waiting jobs start before this one, by their order now; 0 if it does not wait."""
        pipeline = self.broker.client.pipeline(transaction=False)
        for key in self.keys.waiting:
            pipeline.llen(key)
            pipeline.lpos(key, job_id)
        answers, ahead = self.broker.call(pipeline.execute), 0
        for length, place in zip(answers[::2], answers[1::2], strict=True):
            if place is not None:
                return int(ahead + place)
            ahead += length
        return 0

    def jobs(self, state: str, start: int = 0, end: int = 10) -> JobPage:
        """The jobs at places [start, end) of a state, at most 1,000.

        Waiting jobs come in the order they will run, delayed ones by time, active ones by start, finished ones newest
        first. Raises InvalidJobOption for a range or a state that is none.
        """
        if start < 0 or end < start or end - start > PAGE_LIMIT:
            raise InvalidJobOption("page", start=str(start), end=str(end), most=PAGE_LIMIT)
        total, *rows = self.rows(state, start, end, 1 << 53, FIELDS)
        found = (
            job_from_hash(
                self.keys, self.options_of, job_id.decode(errors="replace"), values, float(score) if score else None
            )
            for job_id, score, *values in rows
        )
        jobs = [self.shown(job) for job in found if job]
        if state == "active":
            jobs.sort(key=lambda job: str(job.started_at))
        return JobPage(jobs, total)

    def with_return_values(self, jobs: list[Job]) -> list[Job]:
        """The same jobs, the completed ones with what they returned, in one round trip."""
        completed = [job.id for job in jobs if job.state == "completed"]
        if not completed:
            return jobs
        pipeline = self.broker.client.pipeline(transaction=False)
        for job_id in completed:
            pipeline.xrevrange(names.results(job_id), count=1)
        newest = dict(zip(completed, map(attempts_from_results, self.broker.call(pipeline.execute)), strict=True))
        values = {job_id: attempts[0].return_value for job_id, attempts in newest.items() if attempts}
        return [self.shown(replace(job, return_value=values.get(job.id))) for job in jobs]

    def search(self, state: str, text: str, cursor: int = 0, limit: int = 50) -> JobPage:
        """As `find` for a text alone; the answer's cursor says where to go on, None when all were searched."""
        found = self.find(state, JobFilter(text), cursor, limit)
        return JobPage(found.jobs, found.total, found.cursor)

    def find(
        self,
        state: str,
        wanted: JobFilter,
        cursor: int = 0,
        limit: int | None = None,
        seconds: float = 0.8,
        *,
        sort: str = "",
        start: int = 0,
    ) -> Found:
        """As `gnb.queueing.search.find`."""
        return find(self, state, wanted, cursor, limit, seconds, sort=sort, start=start)

    def latest(self, state: str, job_type: str, limit: int, newest: int) -> list[Job]:
        """At most `limit` jobs of a type, among the `newest` so many of an ended state, newest first."""
        found = (job_id for job_id, (name,) in self.scan(state, ("type",), newest) if name == job_type)
        return read_jobs(self, list(islice(found, limit)))

    def worker_names(self) -> list[str]:
        """The names of the registered workers that serve the queue."""
        key = WORKERS_BY_QUEUE_KEY % self.name
        found = self.broker.call(lambda: self.broker.client.smembers(key))
        return sorted(name.decode(errors="replace").removeprefix("rq:worker:") for name in found)

    def scan(self, state: str, fields: tuple[str, ...], newest: int | None = None) -> Iterator[tuple[str, list[str]]]:
        """Id and these fields, "" where there is none, of all jobs of a state, or of the first `newest` of them.

        A fraction of what whole jobs cost; a few hundred a round trip, so that the broker is soon free again.
        """
        place, total = 0, 1
        while place < total and (newest is None or place < newest):
            end = place + _SCANNED_AT_ONCE if newest is None else min(place + _SCANNED_AT_ONCE, newest)
            total, *rows = self.rows(state, place, end, _BYTES_AT_ONCE, ("status", *fields), scan=newest is None)
            for job_id, _score, status, *values in rows:
                if status:
                    yield (
                        job_id.decode(errors="replace"),
                        [value.decode(errors="replace") if value else "" for value in values],
                    )
            if not rows:
                return
            place += len(rows)

    def rows(
        self, state: str, start: int, end: int, most_bytes: int, fields: tuple[str, ...], scan: bool = False
    ) -> list[Any]:
        """How many jobs the state has, then id, score and these fields of those at places [start, end)."""
        if state not in STATES:
            raise InvalidJobOption("state", value=repr(state), choices=STATES)
        kind = "list" if state == "waiting" else "scan" if scan else "set"
        newest_first = "1" if state in ("completed", "failed") else ""
        args = [kind, start, end, newest_first, most_bytes, *fields]
        return self.broker.run(PAGE, getattr(self.keys, state), args)  # type: ignore[no-any-return]

    def history(self, count: int = 60, step: str = "minute") -> list[HistoryPoint]:
        """Return a point for each of the last minutes (kept for 25 hours), hours or days (91 days), oldest first."""
        return histories(self.broker, [self.keys], count, step)[0]

    def failure_groups(self, newest: int | None = None) -> list[FailureGroup]:
        """The failed jobs, or the `newest` so many, grouped by what went wrong, the largest group first."""
        alike: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        signature = cache(lambda packed: fold(Message.unpack(packed)))  # many jobs have the same error
        for job_id, fields in self.scan("failed", ("error", "ended_at", "type", "description"), newest):
            alike[signature(fields[0])].append((job_id, fields))
        groups = [_group(signature, jobs) for signature, jobs in alike.items()]
        return self.shown_groups(sorted(groups, key=lambda group: -group.count))


def _group(signature: str, failures: list[tuple[str, list[str]]]) -> FailureGroup:
    ids, fields = zip(*failures, strict=True)
    errors, times, types, calls = zip(*fields, strict=True)
    hour, two_hours = (clock.rq_time(time.time() - seconds) for seconds in (3600, 7200))
    lately = [at for at in times if at >= two_hours]
    return FailureGroup(
        signature=signature,
        error=Message.unpack(errors[0]),
        count=len(ids),
        first_seen=clock.parse(min(filter(None, times), default=None)),
        last_seen=clock.parse(max(filter(None, times), default=None)),
        types=tuple(sorted({name or call.partition("(")[0] for name, call in zip(types, calls, strict=True)})),
        ids=ids,
        last_hour=(last_hour := sum(at >= hour for at in lately)),
        hour_before=len(lately) - last_hour,
    )
