"""One run of a job: from the reply of `dequeue` to the arguments of `finish`."""

import json
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import TracebackException
from typing import Any

from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD
from rq.rate_limit import RateLimitRegistry

from . import clock
from . import keys as names
from .errors import FinalError, InvalidJobData, JobStopped, RetryLater, UnknownJobType
from .job import attempts_and_retries, payload
from .job_context import storable
from .metrics import bucket
from .options import JobOptions
from .scripts import FinishArgs

MAX_STALLED = 2
"""How often a job may lose its worker before that spends an attempt."""

_TRACEBACK_LENGTH = 20_000
_MAX_CORRELATION_ID = 200


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
    result_ttl: bytes | None
    failure_ttl: bytes | None
    keep_completed: bytes | None
    keep_failed: bytes | None
    attempts: int
    defaults: JobOptions
    """The default options of the job's type, which stand for those that its hash does not have."""
    meta: bytes | None
    before: bytes | None
    """When its last run started; None on its first."""
    type: bytes | None
    """The declared type; None for a job that was enqueued by plain RQ."""

    @classmethod
    def from_reply(
        cls, reply: list[Any], execution_id: str, options_of: Callable[[str | None], JobOptions]
    ) -> "Execution":
        """Build the execution from the reply of `dequeue`, without its first element."""
        now, job_id, sub_queue, data, timeout, enqueued, left, intervals, result, failure, done, failed = reply[:12]
        most, meta, before, job_type = reply[12:]
        defaults = options_of(job_type.decode() if job_type else None)
        attempts, retries_left = attempts_and_retries(most, left, defaults.attempts if job_type else None)
        return cls(
            job_id.decode(),
            sub_queue.decode(),
            execution_id,
            float(now),
            data,
            float(timeout) if timeout else defaults.timeout,
            enqueued,
            retries_left,
            intervals,
            result,
            failure,
            done,
            failed,
            attempts,
            defaults,
            meta,
            before,
            job_type,
        )

    @property
    def attempt(self) -> int:
        return max(self.attempts - self.retries_left, 1)

    @property
    def correlation_id(self) -> str:
        """What it was enqueued for, as far as it says."""
        try:
            return str(json.loads(self.meta).get("correlation_id", ""))[:_MAX_CORRELATION_ID] if self.meta else ""
        except (ValueError, AttributeError):  # meta of somebody else's
            return ""

    def call(self) -> tuple[str, dict[str, Any]]:
        """Path of the function and its data. Raises InvalidJobData if the record is not JSON or has bare arguments."""
        try:
            path, args, data = payload(self.data)
        except ValueError as error:
            raise InvalidJobData({"data": [str(error)]}) from None
        if len(args) == 1 and isinstance(args[0], dict) and not data:
            return path, args[0]
        if args:
            raise InvalidJobData({"data": ["positional arguments; a job's data is named arguments or one mapping"]})
        return path, data


_UNSUPPORTED = {
    "success_callback_name": "a success callback",
    "failure_callback_name": "a failure callback",
    "stopped_callback_name": "a stopped callback",
    "repeats_left": "Repeat",
    "webhooks": "webhooks",
    "rate_limit_key": "a RateLimit",
}
"""The features of RQ that these workers do not have, by the field of a job's hash that says that it uses one."""


def unsupported_feature(client: Any, job_id: str) -> str | None:
    """Return the feature of RQ that a job enqueued by plain RQ uses and these workers do not have.

    The slot that a RateLimit gave the job is released, so that the jobs behind it are not held back for ever.
    """
    fields = client.hmget(names.job(job_id), *_UNSUPPORTED)
    if key := fields[-1]:
        RateLimitRegistry(key.decode(), client).release_and_enqueue(job_id)
    for feature, value in zip(_UNSUPPORTED.values(), fields, strict=True):
        if value:
            return feature
    return "dependents" if client.exists(names.dependents(job_id)) else None


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
        wire = json.dumps(value)
    except (TypeError, ValueError):
        wire = json.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD)
    return Outcome("completed", "return_value", b64encode(wire.encode()).decode(), retries_left=execution.retries_left)


def raised(execution: Execution, error: BaseException) -> Outcome:
    """The outcome of a run that raised: stopped, tried again after its backoff, or failed."""
    outcome = Outcome("failed", "exc_string", _packed(_trace(error)), _line(error), retries_left=execution.retries_left)
    if isinstance(error, JobStopped):
        outcome.name = "stopped"
    elif not isinstance(error, (FinalError, InvalidJobData, UnknownJobType)):
        _try_again(execution, outcome, error.delay if isinstance(error, RetryLater) else None)
    return outcome


def lost(execution: Execution, stalls: int, words: str) -> Outcome:
    """The outcome of a run whose worker died: back to the front, an attempt spent only after two such losses."""
    error = f"Stalled: {words}"
    outcome = Outcome("stalled", "exc_string", _packed(error), error, 0.0, execution.retries_left, cut_short=True)
    if stalls >= MAX_STALLED:
        outcome.name = "failed"
        _try_again(execution, outcome, None)
    return outcome


def released(execution: Execution) -> Outcome:
    """The outcome of a run that had to give way to a shutdown: back to the front, nothing spent."""
    return Outcome("released", retries_left=execution.retries_left, cut_short=True)


def _try_again(execution: Execution, outcome: Outcome, delay: float | None) -> None:
    if execution.retries_left <= 0:
        return
    outcome.name = "retried"
    outcome.retries_left = execution.retries_left - 1
    if execution.retry_intervals:
        intervals = json.loads(execution.retry_intervals)
    else:
        intervals = execution.defaults.backoff.intervals(execution.attempts - 1) if execution.type else [0]
    index = min(max(len(intervals) - execution.retries_left, 0), len(intervals) - 1)
    outcome.delay = intervals[index] if delay is None else delay


def finish_args(
    execution: Execution,
    outcome: Outcome,
    options: JobOptions,
    job_type: str,
    ended: float,
    *,
    dequeue_next: bool = False,
    counted: bool = True,
    only_expired: bool = False,
    may_have_logged: bool = True,
    totals: tuple[int | str, int | str, str] = ("", "", ""),
) -> FinishArgs:
    """Build the finish script's arguments for an execution that ended like this.

    Args:
        ended: Epoch seconds.
        totals: How many jobs the worker has completed and failed, and how many seconds it has worked.
    """
    if outcome.name == "completed":
        kept, ttl, keep = options.remove_on_complete, execution.result_ttl, execution.keep_completed
    else:
        kept, ttl, keep = options.remove_on_fail, execution.failure_ttl, execution.keep_failed
    duration = max(ended - execution.started, 0.0)
    timed = not outcome.cut_short
    enqueued = clock.parse(execution.enqueued_at)
    waited = max(execution.started - enqueued.timestamp(), 0.0) if enqueued else 0.0
    count_field = f"{job_type}|{outcome.name}|{bucket(duration) if timed else ''}|{bucket(waited)}"
    return FinishArgs(
        dequeue_next="1" if dequeue_next else "",
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
        attempts=execution.attempts,
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


def _line(error: BaseException) -> str:
    """Return the error's type and the first line of its message, whatever its `__str__` does."""
    try:
        first = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # noqa: BLE001 - the class is the job's own
        first = "its message cannot be read: __str__ failed"
    return storable(f"{type(error).__name__}: {first}" if first else type(error).__name__, 500)


def _packed(text: str) -> str:
    return b64encode(zlib.compress(text.encode(errors="replace"))).decode()
