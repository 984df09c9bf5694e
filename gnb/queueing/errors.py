"""Every error the engine raises. Each says what was wrong with which value, in a line a person can act on."""

from typing import Any


class QueueingError(Exception):
    """The base of all errors below."""


class QueueUnavailable(QueueingError):
    """The broker does not answer, or refuses work (out of memory, read-only); trying again later may help."""


class UnsupportedBroker(QueueUnavailable):
    """The server cannot be the broker: it is too old, a cluster or a Sentinel."""


class UnknownQueue(QueueingError):
    """There is no queue of that name."""


class UnknownJobType(QueueingError):
    """No job type of that name is declared for the queue."""


class JobNotFound(QueueingError):
    """The queue has no job of that id."""


class WorkerNotFound(QueueingError):
    """There is no worker of that name, or it does not listen."""


class InvalidJobState(QueueingError):
    """The job is not in a state that allows the move."""


class InvalidJobOption(QueueingError):
    """An option of a job has a value it cannot have."""


class InvalidFields(QueueingError):
    """The base of the next two; `errors` maps each field to what is wrong with it."""

    def __init__(self, errors: dict[str, Any]):
        self.errors = errors
        super().__init__("; ".join(f"{field}: {_first_words(words)}" for field, words in errors.items()))


class InvalidJobData(InvalidFields):
    """The data does not fit the job type's schema."""


class InvalidSchedule(InvalidFields):
    """A schedule cannot be as asked."""


class ScheduleNotFound(QueueingError):
    """There is no schedule of that name."""


class ScheduleInCode(QueueingError):
    """The schedule is declared in code and would come back: it can be paused, not removed."""


class FinalError(QueueingError):
    """Raised by a job for a failure that no retry can mend: the job fails at once."""


class UnsupportedFeature(FinalError):
    """The job uses a feature of RQ that these workers do not have."""


class RetryLater(QueueingError):
    """Raised by a job to be tried again after `delay` seconds instead of its backoff; spends an attempt."""

    def __init__(self, message: str, delay: float):
        super().__init__(message)
        self.delay = delay


class JobTimedOut(QueueingError):
    """Raised inside a job that runs longer than its timeout."""


class JobStopped(BaseException):
    """Raised inside a job that is to stop. Not an `Exception`, so that a job's own `except` lets it through."""


def _first_words(words: Any) -> str:
    while isinstance(words, (dict, list)):
        words = next(iter(words.values() if isinstance(words, dict) else words), "")
    return str(words)
