"""A job and its attempts as people see them, read from RQ's records."""

import json
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from . import clock
from .keys import QueueKeys
from .options import JobOptions

STATES = ("waiting", "active", "completed", "failed", "delayed")

STATE_OF_STATUS = {
    "queued": "waiting",
    "started": "active",
    "finished": "completed",
    "failed": "failed",
    "stopped": "failed",
    "scheduled": "delayed",
}

FIELDS = (
    "type", "data", "status", "origin", "created_at", "enqueued_at", "started_at", "ended_at", "worker_name",
    "timeout", "retries_left", "attempts", "opts", "progress", "progress_message", "error", "stalls",
)  # fmt: skip
"""The fields of a job's hash that a `Job` is made of."""

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
    deduplicated: bool = False
    """In the answer of `enqueue` alone: no job was made, since this one holds the deduplication id."""


def payload(data: bytes) -> tuple[str, list[Any], dict[str, Any]]:
    """Path, positional and named arguments of RQ's `data` field. Raises ValueError for anything but JSON."""
    if data[:1] != b"[":
        try:
            data = zlib.decompress(data)
        except zlib.error:
            raise ValueError("the job's data is not JSON") from None
    path, _instance, args, kwargs = json.loads(data)
    return path, args, kwargs


def job_from_hash(
    keys: QueueKeys,
    options_of: Callable[[str | None], JobOptions],
    job_id: str,
    values: list[bytes | None],
    score: float | None = None,
) -> Job | None:
    """The job that these values of FIELDS make, None when its hash is gone.

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
    limit, retries_left = attempts_and_retries(
        text["attempts"], text["retries_left"], options_of(text["type"]).attempts if text["type"] else None
    )
    made = limit - retries_left - (1 if state in ("waiting", "delayed") else 0)
    ended = clock.parse(text["ended_at"]) if state in ("completed", "failed") else None
    name = text["type"] or path.rpartition(".")[2]
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
        run_at=datetime.fromtimestamp(score, UTC) if score is not None and state == "delayed" else None,
        progress=_progress(text, state),
        failed_reason=(text["error"] or None) if state != "completed" else None,
        options=json.loads(text["opts"]) if text["opts"] else {},
        timeout=float(text["timeout"]) if text["timeout"] else None,
        stalls=int(text["stalls"] or 0),
        worker=(text["worker_name"] or None) if state == "active" else None,
    )


def attempts_and_retries(
    attempts: bytes | str | None, retries_left: bytes | str | None, default: int | None
) -> tuple[int, int]:
    """Return how many attempts a job has in all, and how many retries it has left, from the fields of its hash.

    Args:
        default: The attempts of the job's type; None for a job that was enqueued by plain RQ.
    """
    limit = int(attempts) if attempts else default or int(retries_left or 0) + 1
    return limit, int(retries_left) if retries_left else limit - 1


def _data(raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        path, args, kwargs = payload(raw)
    except ValueError:
        return {}, "unreadable"
    return ({**kwargs, "arguments": args} if args else kwargs), path


def _progress(text: dict[str, Any], state: str) -> dict[str, Any]:
    percent = 100.0 if state == "completed" else float(text["progress"] or 0)
    return {"percent": percent, "message": text["progress_message"] or ""}


def attempts_from_results(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[Attempt]:
    """The attempts that a job's result stream tells of, newest first as the stream was read."""
    found = []
    for entry_id, entry in entries:
        number = int(entry[b"attempt"]) if b"attempt" in entry else 1
        outcome = entry[b"outcome"].decode() if b"outcome" in entry else _OUTCOMES[int(entry[b"type"])]
        error, value = entry.get(b"exc_string"), entry.get(b"return_value")
        found.append(
            Attempt(
                number=number,
                started_at=_epoch(entry.get(b"execution_started_at")),
                ended_at=_epoch(entry.get(b"execution_ended_at")) or _stream_time(entry_id),
                worker=entry.get(b"worker_name", b"").decode(),
                outcome=outcome,
                error=zlib.decompress(b64decode(error)).decode() if error else None,
                return_value=json.loads(b64decode(value)) if value else None,
            )
        )
    return found


def _epoch(value: bytes | None) -> datetime | None:
    return datetime.fromtimestamp(float(value), UTC) if value else None


def _stream_time(entry_id: bytes) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(entry_id.partition(b"-")[0]))
