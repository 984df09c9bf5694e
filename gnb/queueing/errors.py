"""The errors of the engine: each has a `code` and a `message`, an English sentence with its code and params.

raise InvalidJobState("not_failed", id="7", state="active")
→ job 7 is active; only a failed job can be retried
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from .messages import TEXTS, Message, as_message, make_message


class CodedError(Exception):
    """An error with a code. `reason` completes the code if the error has several texts.

    A reason that is no such word is the text itself, for errors that others raise.
    """

    code: ClassVar[str] = ""
    texts: ClassVar[Mapping[str, Any]] = TEXTS

    def __init__(self, reason: str = "", /, **params: Any):
        code = f"{self.code}.{reason}" if reason else self.code
        self.message = self._compose(code, params) if code in self.texts else as_message(reason)
        super().__init__(self.message)

    def _compose(self, code: str, params: dict[str, Any]) -> Message:
        return make_message(code, **params)


class QueueingError(CodedError):
    """The base of all errors below."""


class QueueUnavailable(QueueingError):
    """The broker is unreachable or rejects work (out of memory, read-only); a later try may succeed."""

    code = "queue_unavailable"


class UnsupportedBroker(QueueUnavailable):
    """The server cannot be the broker: it is too old, a cluster or a Sentinel."""


class UnknownQueue(QueueingError):
    """There is no queue of that name."""

    code = "unknown_queue"


class UnknownJobType(QueueingError):
    """No job type of that name is declared for the queue."""

    code = "unknown_job_type"


class JobNotFound(QueueingError):
    """The queue has no job of that id."""

    code = "job_not_found"


class WorkerNotFound(QueueingError):
    """There is no worker of that name, or it does not listen."""

    code = "worker_not_found"


class InvalidJobState(QueueingError):
    """The job is not in a state that allows the move."""

    code = "invalid_job_state"


class InvalidJobOption(QueueingError):
    """An option of a job has an invalid value."""

    code = "invalid_job_option"


class JobIdTaken(InvalidJobOption):
    """Another queue, or another type, has a job with the `job_id` asked for."""

    code = "job_id_taken"


class InvalidFields(QueueingError):
    """The base of the next two; `errors` maps each field to its messages."""

    def __init__(self, errors: dict[str, Any]):
        self.errors = errors
        self.message = make_message("invalid_fields", fields=[_named(name, found) for name, found in errors.items()])
        Exception.__init__(self, self.message)


class InvalidJobData(InvalidFields):
    """The data does not fit the job type's schema."""

    code = "invalid_job_data"


class InvalidSchedule(InvalidFields):
    """A schedule has invalid values."""

    code = "invalid_schedule"


class ScheduleNotFound(QueueingError):
    """There is no schedule of that name."""

    code = "schedule_not_found"


class ScheduleInCode(QueueingError):
    """The schedule is declared in code, which would add it again: it can be paused, not removed."""

    code = "schedule_in_code"


class FinalError(QueueingError):
    """Raised by a job for a failure that a retry cannot fix: the job fails immediately.

    Args:
        error: A message, a text, or the error whose message it is.
    """

    def __init__(self, error: object = "", /):
        self.message = as_message(error)
        Exception.__init__(self, self.message)


class UnsupportedFeature(FinalError):
    """The job uses a feature of RQ that these workers do not have."""

    def __init__(self, feature: str):
        super().__init__(make_message("unsupported_feature", feature=feature))


class RetryLater(QueueingError):
    """Raised by a job to be tried again after `delay` seconds instead of its backoff.

    Args:
        error: A message, a text, or the error whose message it is.
        spend_attempt: False where the cause is not the job's own, such as an outage: it can then wait without end.
    """

    def __init__(self, error: object, delay: float, *, spend_attempt: bool = True):
        self.message = as_message(error)
        self.delay = delay
        self.spend_attempt = spend_attempt
        Exception.__init__(self, self.message)


class JobTimedOut(QueueingError):
    """Raised inside a job that runs longer than its timeout."""

    code = "job_timed_out"


class JobStopped(BaseException):
    """Raised inside a job that is to stop. Not an `Exception`, so that a job's own `except` does not catch it."""

    def __init__(self, reason: str = "") -> None:
        self.message = make_message(f"job_stopped.{reason}" if reason else "job_stopped")
        super().__init__(self.message)


def _named(field: str, found: Any) -> Message:
    while isinstance(found, (dict, list)):
        found = next(iter(found.values() if isinstance(found, dict) else found), "")
    return make_message("field", field=field, what=found)
