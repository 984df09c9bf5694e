"""What a job's function gets with its data: the job's ids and limits, its progress, its log and its parents."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from . import clock, keys
from .json_values import storable
from .messages import as_message, text_of

if TYPE_CHECKING:
    from rq.job import Job as RQJob

    from .dependencies import RelatedJob
    from .job_types import JobType

LOG_LINES = 1000
LOG_LINE_LENGTH = 2000
LOG_SEPARATOR = "\x1f"
"""Stands between the time and the text of a stored line."""
_SECONDS_BETWEEN_NOTES = 0.25

Note = Callable[[list[str], list[Any]], Any]
Parents = Callable[[str], "list[RelatedJob]"]


class JobContext:
    """The running job, as its own function sees it. `attempt` counts from 1; `attempts` is the most there can be;
    `correlation_id` is what it was enqueued for, such as a request's id; `timeout` is how many seconds it may run, None
    for any number."""

    __slots__ = (
        "_last_note", "_last_percent", "_note", "_parents",
        "attempt", "attempts", "correlation_id", "id", "queue", "timeout", "type",
    )  # fmt: skip

    def __init__(
        self,
        job_id: str,
        queue: str,
        job_type: str,
        attempt: int,
        attempts: int,
        note: Note,
        correlation_id: str = "",
        parents: Parents = lambda _job_id: [],
        timeout: float | None = None,
    ):
        self.id = job_id
        self.queue = queue
        self.type = job_type
        self.attempt = attempt
        self.attempts = attempts
        self.correlation_id = correlation_id
        self._note = note
        self.timeout = timeout
        self._parents = parents
        self._last_note = 0.0
        self._last_percent = -1.0

    def progress(self, percent: float, message: str = "") -> None:
        """Set the job's progress, 0 to 100, and a message; written at most four times a second, and at 100."""
        now = time.monotonic()
        if now - self._last_note < _SECONDS_BETWEEN_NOTES and not (percent >= 100 > self._last_percent):
            return
        self._last_note, self._last_percent = now, percent
        shown = min(max(float(percent), 0.0), 100.0) if math.isfinite(percent) else 0.0
        self._write(f"{shown:g}", storable(as_message(message).pack(), 3000))

    def log(self, line: str) -> None:
        """Add a line to the job's log; the newest 1,000 are kept, 2,000 characters of each."""
        text = storable(text_of(line), LOG_LINE_LENGTH).replace(LOG_SEPARATOR, " ")
        self._write("", "", f"{clock.rq_time()}{LOG_SEPARATOR}{text}")

    def parents(self) -> "list[RelatedJob]":
        """Return the jobs that it depends on, in the order of `depends_on`, each with its state and its result."""
        return self._parents(self.id)

    def _write(self, percent: str, message: str, *lines: str) -> None:
        self._note([keys.job(self.id), keys.logs(self.id)], [percent, message, LOG_LINES, *lines])

    @classmethod
    def of_rq_job(cls, rq_job: "RQJob | None", job_type: "JobType") -> "JobContext":
        """Return the context for a worker of RQ's own; outside of any worker, progress and log are dropped."""
        if rq_job is None:
            return cls("", job_type.queue, job_type.name, 1, 1, lambda _keys, _args: None)
        from .dependencies import read_parents
        from .scripts import UPDATE_PROGRESS, run

        connection = cast(Any, rq_job.connection)
        attempts = (rq_job.number_of_retries or 0) + (rq_job.retries_left or 0) + 1
        return cls(
            rq_job.id,
            job_type.queue,
            job_type.name,
            1,
            attempts,
            lambda names, args: run(connection, UPDATE_PROGRESS, names, args),
            str(rq_job.meta.get("correlation_id", "")),
            lambda job_id: read_parents(connection, job_id),
            rq_job.timeout if rq_job.timeout and rq_job.timeout > 0 else None,
        )
