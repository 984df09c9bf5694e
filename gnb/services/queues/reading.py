"""Reading jobs, queues, workers and schedules, for the API, the pages and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

from gnb.extensions import engine
from gnb.queueing import HistoryPoint, Job, JobContext, JobType, QueueStats, ScheduleState, WorkerInfo
from gnb.queueing.errors import JobNotFound
from gnb.queueing.queue_reader import QueueReader
from gnb.services.queues.actions import SEARCHED_AT_ONCE

RQ_RESUME = "rq resume -c gnb.rq_settings"
"""The command that ends what `rq suspend` has begun."""


def queue(name: str) -> QueueReader:
    """Return the reading half of a queue; changes go through `actions`. Raises UnknownQueue."""
    return engine().queue(name)


def previous_outcome(context: JobContext) -> str | None:
    """Return how the job's run before this one ended; None for its first, also of a new job with a used id."""
    attempts = engine().queue(context.queue).attempts(context.id) if context.id else []
    return attempts[0].outcome if attempts else None


def queue_names() -> list[str]:
    """Return the names of the queues, in the order of the configuration."""
    return [each.name for each in engine().queues]


def job_types(queue: str) -> dict[str, JobType]:
    """Return the job types that the queue declares, by name."""
    return engine().types(queue)


def all_stats() -> list[QueueStats]:
    """Return the counts of every queue, in one round trip."""
    return engine().stats()


def stats(queue: str) -> QueueStats:
    """Return the counts of one queue. Raises UnknownQueue."""
    name = engine().queue(queue).name
    return next(stats for stats in engine().stats() if stats.name == name)


def histories() -> Mapping[str, Sequence[HistoryPoint]]:
    """Return the last hour of every queue, minute by minute."""
    return engine().histories()


def workers() -> list[WorkerInfo]:
    """Return every registered worker."""
    return engine().workers()


class ScheduleReader(Protocol):
    """The reading half of the schedules; changes go through `recurring`."""

    def list(self) -> Sequence[ScheduleState]: ...

    def get(self, name: str) -> ScheduleState: ...

    def leader(self) -> str | None: ...


def schedules() -> ScheduleReader:
    """Return the reading half of the schedules."""
    return engine().schedules


def find_job(job_id: str) -> Job | None:
    """Return the job with this id, whatever its queue."""
    for each in engine().queues:
        try:
            return each.job(job_id)
        except JobNotFound:
            continue
    return None


def page(queue: str, state: str, start: int, end: int, text: str = "", cursor: int = 0) -> dict[str, Any]:
    """Return the jobs at positions [start, end) of a state, as JobPageSchema dumps them.

    With a text, return up to `end - start` jobs that contain it, searching from `cursor` on.

    Raises:
        UnknownQueue: There is no such queue.
        InvalidJobOption: There is no such state, or the range is invalid.
    """
    reader = engine().queue(queue)
    if text and end > start:
        found = reader.search(state, text, cursor=cursor, limit=end - start)
    else:
        found = reader.jobs(state, start, end)
    jobs = reader.with_return_values(found.jobs)
    return {
        "queue": reader.name,
        "state": state,
        "jobs": jobs,
        "count": len(jobs),
        "total": found.total,
        "cursor": found.cursor,
    }


def count_matching(queue: str, state: str, text: str) -> int:
    """Count the jobs that one call of `actions.change_matching` would change."""
    count, cursor = 0, 0
    while cursor < SEARCHED_AT_ONCE:
        found = engine().queue(queue).search(state, text, cursor=cursor, limit=500)
        count += len(found.jobs)
        if found.cursor is None:
            break
        cursor = found.cursor
    return count


def details(queue: str, job_id: str) -> dict[str, Any]:
    """Return a job with its attempts, logs, options, parents and dependents, as JobDetailsSchema dumps it.

    Raises UnknownQueue, JobNotFound.
    """
    reader = engine().queue(queue)
    job, attempts = reader.job_and_attempts(job_id)
    known = {field.name: getattr(job, field.name) for field in fields(job)}
    parents, dependents = reader.relatives(job_id)
    return {
        **known,
        "opts": _effective_options(job),
        "logs": reader.logs(job_id),
        "attempts": attempts,
        "parents": parents,
        "dependents": dependents,
    }


def _effective_options(job: Job) -> dict[str, Any]:
    """Return the options that the job was enqueued with, over its type's defaults."""
    defaults = {"attempts": job.attempts_limit, "timeout": job.timeout}
    return {**defaults, **job.options, "priority": job.priority}
