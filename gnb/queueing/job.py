"""A job and its attempts, read from RQ's records."""

import json
import math
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rq.rate_limit import RateLimitRegistry

from . import clock
from . import keys as names
from .json_values import json_safe, parse_json, storable
from .keys import QueueKeys
from .messages import Message

if TYPE_CHECKING:
    from .options import JobOptions

STATES = ("waiting", "active", "completed", "failed", "delayed", "deferred")

STATE_OF_STATUS = {
    "queued": "waiting",
    "started": "active",
    "finished": "completed",
    "failed": "failed",
    "stopped": "failed",
    "scheduled": "delayed",
    "deferred": "deferred",
}

FIELDS = (
    "type", "data", "status", "origin", "created_at", "enqueued_at", "started_at", "ended_at", "worker_name",
    "timeout", "retries_left", "attempts", "opts", "progress", "progress_message", "error", "stalls",
    "dependency_ids", "held",
)  # fmt: skip
"""The fields of a job's hash that a `Job` is made of."""

LARGEST_NUMBER = 10**12
"""The largest whole number that a field of a record may have: as seconds, more than the broker can add to its clock."""

LARGEST_DATA = 16_000_000
"""How many bytes the JSON of a job's data may have."""

_OUTCOMES = {1: "completed", 2: "failed", 3: "stopped", 4: "retried", 5: "failed"}


@dataclass(frozen=True)
class Attempt:
    """One run of a job. `outcome`: completed, failed, retried, stopped, stalled or released."""

    number: int
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    outcome: str
    error: str | None
    return_value: Any = None


@dataclass(slots=True)  # not frozen: making one would cost four times as much, and producers make many
class Job:
    """A job as it stood when it was read; times are aware, `priority` is 1 (first) to 10."""

    id: str
    queue: str
    name: str
    data: dict[str, Any]
    state: str
    priority: int
    attempts_made: int
    attempts_limit: int
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    enqueued_at: datetime | None = None
    run_at: datetime | None = None
    progress: dict[str, Any] = field(default_factory=lambda: {"percent": 0.0, "message": ""})
    failed_reason: str | None = None
    stacktrace: tuple[str, ...] = ()
    return_value: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    stalls: int = 0
    worker: str | None = None
    held: bool = False
    """Delayed since the rate limit of its key is used up."""
    deduplicated: bool = False
    """In the answer of `enqueue` alone: no job was made, since this one has the id or holds the deduplication id."""
    depends_on: tuple[str, ...] = ()


def _decompress(data: bytes) -> bytes:
    """Return what zlib packed. Raises ValueError if that is not its format, or more than a job may carry."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, LARGEST_DATA + 1000)  # the path comes on top
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not stream.eof:
        raise ValueError("it is cut off, or too large")
    return plain


def payload(data: bytes) -> tuple[str, list[Any], dict[str, Any]]:
    """Return path, positional and named arguments of RQ's `data` field. Raises ValueError for any other shape."""
    rejected = "the job's data is not RQ's JSON of a call"
    try:
        text = data if data[:1] == b"[" else _decompress(data)
        if text[:1] == b"\x80":
            rejected = "the job was enqueued with pickle; use RQ's JSONSerializer"
        path, _instance, args, kwargs = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ValueError(rejected) from None
    if not (isinstance(path, str) and isinstance(args, list) and isinstance(kwargs, dict)):
        raise ValueError(rejected)
    return path, args, kwargs


def job_from_hash(
    keys: QueueKeys,
    options_of: "Callable[[str | None], JobOptions]",
    job_id: str,
    values: list[bytes | None],
    score: float | None = None,
) -> Job | None:
    """Return the job of these values of FIELDS, None when its hash is gone.

    Args:
        options_of: Returns the default options of a job type, which stand for those that the hash does not have.
        score: A delayed job's time, epoch seconds.
    """
    named = zip(FIELDS, values, strict=True)
    row = {name: value if name == "data" or not value else value.decode(errors="replace") for name, value in named}
    if not row["data"]:
        return None
    text: dict[str, Any] = row
    data, path = _data(text["data"])
    state = STATE_OF_STATUS.get(text["status"] or "", "waiting")
    default = options_of(text["type"]).attempts if text["type"] else None
    limit, retries_left = attempts_and_retries(
        whole_number(text["attempts"]), whole_number(text["retries_left"]), default
    )
    made = limit - retries_left - (1 if state in ("waiting", "delayed", "deferred") else 0)
    ended = clock.parse(text["ended_at"]) if state in ("completed", "failed") else None
    name = storable(text["type"] or path.rpartition(".")[2])
    return Job(
        id=job_id,
        queue=keys.name,
        name=name,
        data={"type": name, **data},
        state=state,
        priority=keys.priority(text["origin"] or keys.name),
        attempts_made=max(made, 0),
        attempts_limit=limit,
        created_at=clock.parse(text["created_at"]),
        started_at=clock.parse(text["started_at"]),
        finished_at=ended,
        enqueued_at=clock.parse(text["enqueued_at"]),
        run_at=_moment(score) if state == "delayed" else None,
        progress=_progress(text, state),
        failed_reason=Message.unpack(text["error"]) if text["error"] and state != "completed" else None,
        options=_options(text["opts"]),
        timeout=finite_number(text["timeout"]),
        stalls=whole_number(text["stalls"]) or 0,
        worker=(text["worker_name"] or None) if state == "active" else None,
        held=bool(text["held"]) and state == "delayed",
        depends_on=tuple(parent_ids(text["dependency_ids"])),
    )


def attempts_and_retries(attempts: int | None, retries_left: int | None, default: int | None) -> tuple[int, int]:
    """Return how many attempts a job has in all and how many retries it has left, from the fields of its hash.

    Args:
        default: The attempts of the job's type; None for a job that was enqueued by plain RQ.
    """
    limit = attempts or default or (retries_left or 0) + 1
    return limit, limit - 1 if retries_left is None else retries_left


def _data(raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        path, args, kwargs = payload(raw)
        data = json_safe({**kwargs, "arguments": args} if args else kwargs)
    except (ValueError, RecursionError):
        return {}, "unreadable"
    return data, path


def _options(text: str | None) -> dict[str, Any]:
    try:
        options = parse_json(text) if text else {}
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}


def parent_ids(text: bytes | str | None) -> list[str]:
    """Return the ids in RQ's field `dependency_ids`; none where it is not a list of ids."""
    try:
        ids = parse_json(text) if text else []
    except ValueError:
        return []
    return [each for each in ids if isinstance(each, str)] if isinstance(ids, list) else []


def _progress(text: dict[str, Any], state: str) -> dict[str, Any]:
    percent = 100.0 if state == "completed" else finite_number(text["progress"]) or 0.0
    return {"percent": percent, "message": Message.unpack(text["progress_message"] or "")}


def attempts_from_results(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[Attempt]:
    """Return the attempts in a job's result stream, newest first as the stream was read."""
    return [_attempt(entry_id, entry) for entry_id, entry in entries]


def _attempt(entry_id: bytes, entry: dict[bytes, bytes]) -> Attempt:
    number, kind = whole_number(entry.get(b"attempt")), whole_number(entry.get(b"type"))
    outcome = entry[b"outcome"].decode(errors="replace") if b"outcome" in entry else _OUTCOMES.get(kind or 0, "failed")
    return Attempt(
        number=number or 1,
        started_at=_moment(finite_number(entry.get(b"execution_started_at"))),
        ended_at=_moment(finite_number(entry.get(b"execution_ended_at"))) or _stream_time(entry_id),
        worker=entry.get(b"worker_name", b"").decode(errors="replace"),
        outcome=outcome,
        error=_error(entry[b"exc_string"]) if b"exc_string" in entry else None,
        return_value=_return_value(entry[b"return_value"]) if b"return_value" in entry else None,
    )


def _error(wire: bytes) -> str:
    try:
        return storable(_decompress(b64decode(wire)).decode(errors="replace"))
    except ValueError:
        return "Unreadable error"


def _return_value(wire: bytes) -> Any:
    try:
        return parse_json(b64decode(wire))
    except ValueError:  # such as of a worker that pickles
        return "Unreadable return value"


def whole_number(text: bytes | str | None) -> int | None:
    """Return the whole number that a field has; None for no field and for anything else."""
    try:
        number = int(text) if text else None
    except ValueError:
        return None
    return None if number is None or abs(number) > LARGEST_NUMBER else number


def finite_number(text: bytes | str | None) -> float | None:
    """Return the finite number that a field has; None for no field and for anything else."""
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return None


def _stream_time(entry_id: bytes) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(entry_id.partition(b"-")[0]))


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
    return next((name for name, value in zip(_UNSUPPORTED.values(), fields, strict=True) if value), None)
