"""Adding jobs to the four queues, and managing them.

    from gnb.services.queue_service import add_export_job

    job = add_export_job("bookings-csv", {"filters": {"status": "confirmed"}}, priority=1)

Options: `priority` 1 (first) to 10, `attempts`, `backoff` ({"type": "exponential" | "fixed", "delay": …}), `delay`,
`timeout`, `job_id` (the same id twice is one job), `deduplication` ({"id", "ttl", "extend", "replace"}: one job while
another holds the id; `.deduplicated` of the answer says that none was made), `remove_on_complete` and
`remove_on_fail` ({"age": …, "count": …}), `depends_on` (jobs or ids), `on_parent_failure` ("wait" | "run" | "cancel"),
`on_success` and `on_failure` (a job type).
`repeat` ({"pattern": "0 0 * * *", "tz": "Europe/Istanbul"} or {"every": seconds}), which every queue takes, makes the
job a schedule. Durations are `timedelta` or seconds. Every function raises QueueUnavailable while the broker is
unreachable, and the other errors named below; `InvalidJobData.errors` has the messages of each field.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gnb.extensions import engine, settings
from gnb.messages import make_message
from gnb.queueing import Job, JobContext, Queue
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    JobNotFound,
    QueueUnavailable,
    UnknownJobType,
    UnknownQueue,
)
from gnb.queueing.recurring.template import enqueue_repeated

__all__ = [
    "InvalidJobData",
    "InvalidJobOption",
    "InvalidJobState",
    "JobNotFound",
    "QueueUnavailable",
    "UnknownJobType",
    "UnknownQueue",
    "add_ai_job",
    "add_email_job",
    "add_export_job",
    "add_job",
    "add_scheduled_job",
    "get_job",
    "get_job_state",
    "get_jobs_by_state",
    "remove_job",
    "retry_job",
]


def add_export_job(type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
    """Enqueue a job on the export queue and return it."""
    return add_job("export", type, data, options)


def add_email_job(type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
    """Enqueue a job on the email queue and return it."""
    return add_job("email", type, data, options)


def add_ai_job(type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
    """Enqueue a job on the ai queue and return it."""
    return add_job("ai", type, data, options)


def add_scheduled_job(type: str, data: Mapping[str, Any] | None = None, **options: Any) -> Job:
    """Enqueue a job on the scheduled queue; with `repeat`, add a schedule and return its template."""
    return add_job("scheduled", type, data, options)


def get_job(queue: str, id: str) -> Job:
    """Return the job with its result and errors."""
    return engine().queue(queue).job(id)


def get_job_state(queue: str, id: str) -> str:
    """waiting, active, completed, failed, delayed or deferred."""
    return get_job(queue, id).state


def get_jobs_by_state(queue: str, state: str, start: int = 0, end: int = 10) -> list[Job]:
    """Return the jobs at [start, end) of the state, completed ones with their results."""
    found = engine().queue(queue)
    return found.with_return_values(found.jobs(state, start, end).jobs)


def retry_job(queue: str, id: str) -> None:
    """Requeue a failed job, with all its attempts."""
    engine().queue(queue).retry(id)


def remove_job(queue: str, id: str) -> None:
    """Remove the job; a running one is stopped first."""
    engine().queue(queue).remove(id)


def add_job(queue_name: str, type: str, data: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Job:
    """Enqueue a job on the queue of that name and return it."""
    if not settings().queue_enabled:
        raise QueueUnavailable(make_message("queue_unavailable.disabled"))
    queue: Queue = engine().queue(queue_name)
    rest = dict(options)
    if (repeat := rest.pop("repeat", None)) is not None:
        return enqueue_repeated(engine(), queue_name, type, data or {}, repeat, rest)
    return queue.enqueue(type, data, **rest)


Progress = Callable[[int, int], None]
"""Called with the number of items done and the total."""


def noop_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


def job_progress(context: JobContext, code: str) -> Progress:
    """Return a callback that updates the job's progress, with a message such as `1,200 of 5,000 rows`."""

    def update(done: int, total: int) -> None:
        context.progress(100.0 * done / total if total else 0.0, make_message(code, done=done, total=total))

    return update
