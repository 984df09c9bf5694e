"""Jobs and queues as people look at them: what the API and the command line both show."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from gnb.extensions import engine
from gnb.queueing import Job, QueueStats


def stats(queue: str) -> QueueStats:
    """The counts of one queue. Raises UnknownQueue."""
    name = engine().queue(queue).name
    return next(stats for stats in engine().stats() if stats.name == name)


def page(queue: str, state: str, start: int, end: int, text: str = "", cursor: int = 0) -> dict[str, Any]:
    """The jobs at places [start, end) of a state; with a text, up to `end - start` jobs that have it, from `cursor` on.

    As JobPageSchema takes it. Raises UnknownQueue, InvalidJobOption.
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


def details(queue: str, job_id: str) -> dict[str, Any]:
    """One job with its attempts, logs and options, as JobDetailsSchema takes it. Raises UnknownQueue, JobNotFound."""
    reader = engine().queue(queue)
    job, attempts = reader.job_and_attempts(job_id)
    known = {field.name: getattr(job, field.name) for field in fields(job)}
    return {**known, "opts": _effective_options(job), "logs": reader.logs(job_id), "attempts": attempts}


def _effective_options(job: Job) -> dict[str, Any]:
    """What the job was given, over what it has."""
    had = {"attempts": job.attempts_limit, "timeout": job.timeout}
    return {**had, **job.options, "priority": job.priority}
