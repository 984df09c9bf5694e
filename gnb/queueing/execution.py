"""One run of a job: from the reply of `dequeue` to the arguments of `finish`."""

import json
import math
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD

from . import clock
from .errors import CodedError, FinalError, InvalidJobData, JobStopped, RetryLater, UnknownJobType
from .job import LARGEST_NUMBER, attempts_and_retries, payload, whole_number
from .json_values import encode_result, storable
from .messages import Message, make_message, text_of
from .metrics import bucket
from .options import JobOptions
from .scripts import FinishArgs

if TYPE_CHECKING:
    from .queue_reader import QueueReader

MAX_STALLED = 2
"""How often a job may lose its worker before that spends an attempt."""

_TRACEBACK_LENGTH = 20_000
_LONGEST_DELAY = 366 * 86400.0
_RESULT_LENGTH = 1_000_000
_MAX_CORRELATION_ID = 200
_NUMBERS = ("timeout", "retries_left", "result_ttl", "failure_ttl", "keep_completed", "keep_failed", "attempts")


@dataclass(slots=True)
class Execution:
    """A dequeued job: the fields of its record that running and finishing it need."""

    id: str
    sub_queue: str
    execution_id: str
    started: float
    data: bytes
    timeout: float
    enqueued_at: bytes | None
    retries_left: int
    retry_intervals: bytes | None
    result_ttl: int | None
    failure_ttl: int | None
    keep_completed: int | None
    keep_failed: int | None
    attempts: int
    defaults: JobOptions
    """The default options of the job's type, which stand for those that its hash does not have."""
    meta: bytes | None
    before: bytes | None
    """When its last run started; None on its first."""
    type: bytes | None
    """The declared type; None for a job that was enqueued by plain RQ."""
    malformed: str = ""
    """The first field of the record that should be a whole number and is not."""
    prefetched: bool = False
    """Whether it was dequeued with another job that ran first."""

    @classmethod
    def from_reply(
        cls, reply: list[Any], execution_id: str, options_of: Callable[[str | None], JobOptions]
    ) -> "Execution":
        """Build the execution from the reply of `dequeue`, without its first element."""
        now, job_id, sub_queue, data, timeout, enqueued, left, intervals, *rest = reply
        texts, (meta, before, job_type) = (timeout, left, *rest[:5]), rest[5:]
        malformed = ""
        try:
            numbers = [int(text) if text else None for text in texts]
            if max(map(abs, filter(None, numbers)), default=0) > LARGEST_NUMBER:
                raise ValueError
        except ValueError:
            numbers = [whole_number(text) for text in texts]
            wrong = (
                name for name, text, number in zip(_NUMBERS, texts, numbers, strict=True) if text and number is None
            )
            malformed = next(wrong)
        seconds, retries, result_ttl, failure_ttl, keep_completed, keep_failed, most = numbers
        defaults = options_of(job_type.decode(errors="replace") if job_type else None)
        attempts, retries_left = attempts_and_retries(most, retries, defaults.attempts if job_type else None)
        most_seconds = defaults.timeout if seconds is None else seconds
        return cls(
            job_id.decode(), sub_queue.decode(), execution_id, float(now), data, most_seconds, enqueued,
            retries_left, intervals, result_ttl, failure_ttl, keep_completed, keep_failed, attempts, defaults,
            meta, before, job_type, malformed,
        )  # fmt: skip

    @property
    def member(self) -> str:
        """What stands for it in RQ's sets of executions."""
        return f"{self.id}:{self.execution_id}"

    @property
    def attempt(self) -> int:
        return max(self.attempts - self.retries_left, 1)

    @property
    def correlation_id(self) -> str:
        """What it was enqueued for, as far as it says."""
        try:
            return str(json.loads(self.meta).get("correlation_id", ""))[:_MAX_CORRELATION_ID] if self.meta else ""
        except (ValueError, AttributeError, RecursionError):  # meta of somebody else's
            return ""

    def call(self) -> tuple[str, dict[str, Any]]:
        """Return the function's path and its data. Raises InvalidJobData for a record that cannot be run."""
        if self.malformed:
            raise InvalidJobData({self.malformed: [make_message("invalid_job_data.not_a_number")]})
        try:
            path, args, data = payload(self.data)
        except ValueError as error:
            raise InvalidJobData({"data": [str(error)]}) from None
        if len(args) == 1 and isinstance(args[0], dict) and not data:
            return path, args[0]
        if args:
            raise InvalidJobData({"data": [make_message("invalid_job_data.arguments")]})
        return path, data


@dataclass(slots=True)
class Outcome:
    """How a run ended: completed, failed, retried, stopped, stalled or released, and what is kept of it."""

    name: str
    result_field: str = ""
    result: str = ""
    error: str = ""
    delay: float = 0.0
    retries_left: int = 0
    cut_short: bool = False
    """The run ended with its worker, so its length says nothing about how long such a job takes."""


def completed(execution: Execution, value: Any) -> Outcome:
    """The outcome of a run that returned."""
    if value is None:
        return Outcome("completed", retries_left=execution.retries_left)
    try:
        wire = encode_result(value)
    except (TypeError, ValueError, RecursionError):
        wire = json.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD)
    if len(wire) > _RESULT_LENGTH:
        wire = json.dumps(f"The return value is not kept: its JSON has {len(wire):,} characters")
    return Outcome("completed", "return_value", b64encode(wire.encode()).decode(), retries_left=execution.retries_left)


def raised(execution: Execution, error: BaseException) -> Outcome:
    """The outcome of a run that raised: stopped, tried again after its backoff, or failed."""
    outcome = Outcome(
        "failed", "exc_string", _packed(_trace(error)), _error_field(error), retries_left=execution.retries_left
    )
    if isinstance(error, JobStopped):
        outcome.name = "stopped"
    elif not isinstance(error, (FinalError, InvalidJobData, UnknownJobType)):
        later = error if isinstance(error, RetryLater) else None
        _try_again(execution, outcome, later.delay if later else None, spend=later is None or later.spend_attempt)
    return outcome


def lost(execution: Execution, stalls: int, error: Message) -> Outcome:
    """The outcome of a run whose worker died: back to the front, an attempt spent only after two such losses."""
    outcome = Outcome(
        "stalled", "exc_string", _packed(error), error.pack(), 0.0, execution.retries_left, cut_short=True
    )
    if stalls >= MAX_STALLED:
        outcome.name = "failed"
        _try_again(execution, outcome, None)
    return outcome


def released(execution: Execution) -> Outcome:
    """The outcome of a run that had to give way to a shutdown: back to the front, nothing spent."""
    return Outcome("released", retries_left=execution.retries_left, cut_short=True)


def _try_again(execution: Execution, outcome: Outcome, delay: float | None, spend: bool = True) -> None:
    if spend and execution.retries_left <= 0:
        return
    outcome.name = "retried"
    outcome.retries_left = execution.retries_left - spend
    outcome.delay = _seconds(_backoff(execution) if delay is None else delay)


def _backoff(execution: Execution) -> Any:
    """Return the wait after this attempt: one of the list that, as RQ has it, ends with the wait of the last retry."""
    try:
        if execution.type and not execution.retry_intervals:
            intervals = execution.defaults.backoff.intervals(execution.attempts - 1)
        else:
            intervals = json.loads(execution.retry_intervals or b"[0]")
        return intervals[min(max(len(intervals) - execution.retries_left, 0), len(intervals) - 1)]
    except (ValueError, TypeError, LookupError, RecursionError):
        return 0.0


def _seconds(delay: Any) -> float:
    """Return the delay limited to 0 seconds to a year; 0 for what is no number, as a record or RetryLater may have."""
    if isinstance(delay, bool) or not isinstance(delay, (int, float)) or math.isnan(delay):
        return 0.0
    return float(min(max(delay, 0.0), _LONGEST_DELAY))


def finish_args(
    execution: Execution,
    outcome: Outcome,
    queue: "QueueReader",
    job_type: str,
    ended: float,
    *,
    dequeue_next: str = "",
    counted: bool = True,
    only_expired: bool = False,
    may_have_logged: bool = True,
    totals: tuple[int | str, int | str, str] = ("", "", ""),
) -> FinishArgs:
    """Build the finish script's arguments for an execution that ended like this.

    Args:
        queue: The job's queue, whose retention set at run time holds where neither the job nor its type has its own.
        ended: Epoch seconds.
        totals: How many jobs the worker has completed and failed, and how many seconds it has worked.
    """
    options, of_queue = queue.options_of(job_type), queue.options.job
    if outcome.name == "completed":
        kept, ttl, keep = options.remove_on_complete, execution.result_ttl, execution.keep_completed
        as_queue = ttl is None and keep is None and kept == of_queue.remove_on_complete
    else:
        kept, ttl, keep = options.remove_on_fail, execution.failure_ttl, execution.keep_failed
        as_queue = ttl is None and keep is None and kept == of_queue.remove_on_fail
    duration = max(ended - execution.started, 0.0)
    timed = not outcome.cut_short
    enqueued = clock.parse(execution.enqueued_at)
    waited = max(execution.started - enqueued.timestamp(), 0.0) if enqueued else 0.0
    count_field = f"{job_type}|{outcome.name}|{bucket(duration) if timed else ''}|{bucket(waited)}"
    return FinishArgs(
        dequeue_next=dequeue_next,
        job_id=execution.id,
        sub_queue=execution.sub_queue,
        ended_execution_id=execution.execution_id,
        outcome=outcome.name,
        result_field=outcome.result_field,
        result=outcome.result,
        ttl=kept.ttl if ttl is None else ttl,
        keep=kept.keep if keep is None else keep,
        delay=outcome.delay,
        retries_left=outcome.retries_left,
        error_line=outcome.error,
        attempt=execution.attempt,
        attempts=execution.attempts if execution.type else "",
        started=f"{execution.started:.6f}",
        ended=f"{ended:.6f}",
        count_field=count_field if counted else "",
        job_type=job_type,
        duration=int(duration * 1e6) if timed else 0,
        waited=int(waited * 1e6),
        only_expired="1" if only_expired else "",
        completed_count=totals[0],
        failed_count=totals[1],
        working_seconds=totals[2],
        may_have_logged="1" if may_have_logged else "",
        as_queue="1" if as_queue else "",
        own_age="1" if ttl not in (None, kept.ttl) else "",
        prefetched="1" if execution.prefetched else "",
    )


def _trace(error: BaseException) -> str:
    """The error with its stack, but for our own frame on top, with files named from the working folder on.

    For what the data or the type lacks, the line alone.
    """
    if isinstance(error, (InvalidJobData, UnknownJobType)):
        return _line(error)
    stack = error.__traceback__.tb_next if error.__traceback__ else None
    text = "".join(TracebackException(type(error), error, stack).format()).replace(f'"{Path.cwd()}/', '"')
    half = _TRACEBACK_LENGTH // 2
    return text if len(text) <= _TRACEBACK_LENGTH else f"{text[:half]}\n…\n{text[-half:]}"


def _error_field(error: BaseException) -> str:
    """Return the error's line as the job's hash holds it, with the code and params of an error that has them."""
    said = error.message if isinstance(error, (CodedError, JobStopped)) else Message("")
    return Message(_line(error), said.code, said.params).pack()


def _line(error: BaseException) -> str:
    """Return the error's type and the first line of its message, whatever its `__str__` does."""
    first = (text_of(error).strip().splitlines() or [""])[0]
    return storable(f"{type(error).__name__}: {first}" if first else type(error).__name__, 500)


def _packed(text: str) -> str:
    return b64encode(zlib.compress(storable(text).encode())).decode()
