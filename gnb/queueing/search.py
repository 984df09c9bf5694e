"""Finding jobs of a state: by text, type, error, worker, priority, attempts and time, as many as a time allows.

    found = find(queue, "failed", JobFilter(text="no route"), limit=50, seconds=0.8)
    found.jobs, found.searched, found.total, found.cursor
    find(queue, "failed", JobFilter(type="send-email"), limit=50, sort="-took")

A search reads a few fields of each job, so that 20,000 jobs take a fraction of a second.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import clock
from . import keys as names
from .job import FIELDS, Job, attempts_and_retries, job_from_hash, payload, whole_number
from .json_values import plain, searched_text
from .messages import Message

if TYPE_CHECKING:
    from .queue_reader import QueueReader

_TEXT_FIELDS = ("data", "type", "error", "meta")
_OTHER_FIELDS = (
    "status", "type", "origin", "created_at", "started_at", "ended_at", "attempts", "retries_left", "worker_name",
)  # fmt: skip
SORTS = ("type", "priority", "attempts", "created", "started", "finished", "took", "next", "worker", "error")
"""What found jobs can be sorted by."""
_FOLDED = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,}\b|\d+(?:[.,:]\d+)*", re.IGNORECASE)
_AT_ONCE = 1000
_MOST_BYTES = 4_000_000
_READ_AT_ONCE = 500


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are wanted; an empty field matches all.

    `text` is in the id, the type, the data, the error or the correlation id, case and accents aside; or the data has
    one of `numbers`, by the name of a field: `{"deliveryId": {7, 8}}`. `error` is the key of a `FailureGroup`, `worker`
    the name of the one that ran it last. `since` and `until`, in RQ's form of a time, are compared with the end of a
    finished job and the creation of others; `until` is not included.
    """

    text: str = ""
    numbers: Mapping[str, frozenset[int]] = field(default_factory=dict)
    type: str = ""
    error: str = ""
    priority: int | None = None
    attempts: int | None = None
    since: str = ""
    until: str = ""
    worker: str = ""

    @property
    def empty(self) -> bool:
        return self == JobFilter()


@dataclass(frozen=True)
class Found:
    """What a search has found: of `total` places it has looked at those before `searched`; None: at all."""

    ids: list[str]
    total: int
    searched: int
    cursor: int | None = None
    jobs: list[Job] = field(default_factory=list)


def find(
    reader: "QueueReader",
    state: str,
    wanted: JobFilter,
    cursor: int = 0,
    limit: int | None = None,
    seconds: float = 0.8,
    *,
    sort: str = "",
    start: int = 0,
) -> Found:
    """Search a state from place `cursor` on for `seconds`, or until `limit` jobs are found.

    With a limit the jobs are read too. With `sort`, one of `SORTS` or with `-` before it for the other direction, all
    that match are searched and sorted, and of these the `limit` jobs from `start` on are read. Raises QueueUnavailable.
    """
    matcher = Matcher(reader, state, wanted, sort)
    scan = _Scan(reader, state, matcher.fields, cursor, seconds)
    scores: dict[str, float | None] = {}
    sort_keys: dict[str, Any] = {}
    for job_id, score, row in scan:
        if matcher.matches(job_id, row):
            scores[job_id] = score
            if sort:
                sort_keys[job_id] = matcher.value(sort.removeprefix("-"), row, score)
            elif limit and len(scores) >= limit:
                break
    ids = list(scores)
    if sort:
        known = sorted((each for each in ids if sort_keys[each] is not None), key=sort_keys.__getitem__)
        ids = [*(reversed(known) if sort[0] == "-" else known), *(each for each in ids if sort_keys[each] is None)]
    jobs = read_jobs(reader, ids[start : start + limit], scores) if limit else []
    return Found(ids, scan.total, min(scan.place, scan.total), scan.cursor, jobs)


class _Scan:
    """Iterates over the jobs of a state from a place on until the time is over: id, time if delayed, some fields."""

    def __init__(self, reader: "QueueReader", state: str, fields: tuple[str, ...], place: int, seconds: float):
        self.place, self.total = place, place + 1
        self._read = partial(reader.rows, state, most_bytes=_MOST_BYTES, fields=fields, scan=True)
        self._fields = fields
        self._deadline = time.monotonic() + seconds

    @property
    def cursor(self) -> int | None:
        """The place to go on at; None when all were read."""
        return self.place if self.place < self.total else None

    def __iter__(self) -> Iterator[tuple[str, float | None, dict[str, bytes | None]]]:
        begun = False
        while self.place < self.total and (not begun or time.monotonic() < self._deadline):
            begun = True
            self.total, *rows = self._read(start=self.place, end=self.place + _AT_ONCE)
            if not rows:
                self.place = self.total
            for job_id, score, *values in rows:
                self.place += 1
                row = dict(zip(self._fields, values, strict=True))
                if row.get("data") or row.get("status"):
                    yield job_id.decode(errors="replace"), float(score) if score else None, row


def read_jobs(reader: "QueueReader", ids: list[str], scores: Mapping[str, float | None] | None = None) -> list[Job]:
    """Return the jobs that are there, without results and attempts; `scores` are the times of delayed ones."""
    found: list[Job] = []
    for start in range(0, len(ids), _READ_AT_ONCE):
        chosen = ids[start : start + _READ_AT_ONCE]
        pipeline = reader.broker.client.pipeline(transaction=False)
        for job_id in chosen:
            pipeline.hmget(names.job(job_id), FIELDS)
        for job_id, values in zip(chosen, reader.broker.call(pipeline.execute), strict=True):
            job = job_from_hash(reader.keys, reader.options_of, job_id, values, (scores or {}).get(job_id))
            found += [reader.shown(job)] if job else []
    return found


def value_counts(reader: "QueueReader", state: str, seconds: float) -> dict[str, Counter[Any]] | None:
    """Return how many jobs of the state have each type, priority, number of attempts, worker and error (its key).

    None if they cannot all be read in so many seconds. Raises QueueUnavailable.
    """
    fields = _COUNTED_FIELDS if state == "failed" else _COUNTED_FIELDS[:-1]
    scan, seen, alike = _Scan(reader, state, fields, 0, seconds), set(), Counter[tuple[bytes | None, ...]]()
    for job_id, _, row in scan:
        if job_id not in seen:  # one that moved meanwhile is read twice
            seen.add(job_id)
            alike[tuple(row.values())] += 1
    if scan.cursor is not None:
        return None
    matcher, counts = Matcher(reader, state, JobFilter()), {name: Counter[Any]() for name in _COUNTED}
    for values, count in alike.items():
        row = dict(zip(fields, values, strict=True))
        for name in _COUNTED:
            counts[name][matcher.error_key(row) if name == "error" else matcher.value(name, row, None)] += count
    return counts


_FIELD_OF = {
    "type": "type", "created": "created_at", "started": "started_at", "finished": "ended_at", "worker": "worker_name",
}  # fmt: skip
_COUNTED_FIELDS = ("status", "type", "origin", "attempts", "retries_left", "worker_name", "error")
_COUNTED = ("type", "priority", "attempts", "worker", "error")


class Matcher:
    """Decides of one job after the other, from the few fields that a search reads."""

    def __init__(self, reader: "QueueReader", state: str, wanted: JobFilter, sort: str = ""):
        self._reader = reader
        self._state = state
        self._wanted = wanted
        others = sort or replace(wanted, text="", numbers={}) != JobFilter()
        errors = ("error",) if wanted.error or sort.endswith("error") else ()
        wanted_fields = (_TEXT_FIELDS if wanted.text else errors) + (_OTHER_FIELDS if others else ())
        self.fields = tuple(dict.fromkeys(wanted_fields)) or _OTHER_FIELDS
        self._equal = [(name, value) for name in ("type", "priority", "worker") if (value := getattr(wanted, name))]
        self._text = plain(wanted.text)
        # A text with JSON's own signs is compared with the JSON as people see it, which has blanks after them.
        self._as_shown = any(sign in self._text for sign in ':,"{}[]\\')
        self._errors: dict[bytes, tuple[str, str]] = {}
        parts = [
            rb'"%s":(?:%s)\b' % (name.encode(), b"|".join(b"%d" % number for number in sorted(numbers)))
            for name, numbers in wanted.numbers.items()
            if numbers
        ]
        self._numbers = re.compile(b"|".join(parts)) if parts else None

    def matches(self, job_id: str, row: Mapping[str, bytes | None]) -> bool:
        """Return whether the job with these values of the searched fields is wanted."""
        wanted = self._wanted
        for name, value in self._equal:
            if self.value(name, row, None) != value:
                return False
        if wanted.since or wanted.until:
            moment = self.value("finished" if self._state in ("completed", "failed") else "created", row, None) or ""
            if moment < wanted.since or (wanted.until and moment >= wanted.until):
                return False
        if wanted.error and self.error_key(row) != wanted.error:
            return False
        if wanted.attempts and self._made(row) < wanted.attempts:
            return False
        if not wanted.text:
            return True
        return self._has_text(job_id, row["type"], row["data"] or b"", row["error"], row["meta"])

    def value(self, name: str, row: Mapping[str, bytes | None], score: float | None) -> Any:
        """Return one of `SORTS` of a job from its fields; `score` is the time of a delayed one."""
        if name == "priority":
            return self._reader.keys.priority((row["origin"] or b"").decode(errors="replace"))
        if name == "attempts":
            return self._made(row)
        if name == "took":
            started, ended = (clock.parse((row[field] or b"").decode()) for field in ("started_at", "ended_at"))
            return (ended - started).total_seconds() if started and ended else None
        if name == "next":
            return score
        if name == "error":
            return self._error(packed)[0] if (packed := row["error"]) else None
        found = row[_FIELD_OF[name]]
        return found.decode(errors="replace") if found else None

    def error_key(self, row: Mapping[str, bytes | None]) -> str | None:
        """Return the key of the group of the job's error, None if it has none."""
        packed = row.get("error")
        return self._error(packed)[1] if packed else None

    def _made(self, row: Mapping[str, bytes | None]) -> int:
        """Return how many attempts were made, as `job_from_hash` has it."""
        name = row["type"]
        default = self._reader.options_of(name.decode(errors="replace")).attempts if name else None
        limit, retries = attempts_and_retries(whole_number(row["attempts"]), whole_number(row["retries_left"]), default)
        return max(limit - retries - (1 if self._state in ("waiting", "delayed", "deferred") else 0), 0)

    def _error(self, packed: bytes) -> tuple[str, str]:
        """Return an error's text as it is compared, and the key of its group. Many jobs have the same error."""
        if packed not in self._errors:
            text = Message.unpack(packed.decode(errors="replace"))
            self._errors[packed] = plain(text), failure_key(fold(text))
        return self._errors[packed]

    def _has_text(
        self, job_id: str, job_type: bytes | None, data: bytes, error: bytes | None, meta: bytes | None
    ) -> bool:
        text = self._text
        if self._reader.masked:
            return self._in_parsed(job_id, job_type.decode(errors="replace") if job_type else "", data, error)
        if error and text in self._error(error)[0]:
            return True
        if meta and text in plain(meta.decode(errors="replace")):
            return True
        name = job_type.decode(errors="replace") if job_type else ""
        at = data.find(b",null,[],{")
        if at < 0 or not name or self._as_shown or b"\\" in data or not data.isascii():
            return self._in_parsed(job_id, name, data)
        if text in f"{job_id} {name} type {data[at + 9 :].decode()}".casefold():
            return True
        return bool(self._numbers and self._numbers.search(data, at))

    def _in_parsed(self, job_id: str, name: str, data: bytes, error: bytes | None = None) -> bool:
        try:
            path, args, kwargs = payload(data)
        except ValueError:
            path, args, kwargs = "unreadable", [], {}
        name = name or path.rpartition(".")[2]
        shown: dict[str, Any] = {"type": name, **kwargs, **({"arguments": args} if args else {})}
        reason = Message.unpack(error.decode(errors="replace")) if error else None
        job = self._reader.shown(Job(job_id, self._reader.name, name, shown, "", 0, 0, 0, failed_reason=reason))
        if self._text in plain(f"{searched_text(job_id, name, job.data)} {job.failed_reason or ''}"):
            return True
        compact = json.dumps(kwargs, separators=(",", ":")).encode()
        return bool(self._numbers and self._numbers.search(compact))


def fold(error: str) -> str:
    """An error's line with its numbers and ids removed: the same for errors that are alike."""
    return _FOLDED.sub("…", error)


def failure_key(signature: str) -> str:
    """Return sixteen hexadecimal digits that stand for the signature."""
    return hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest()[:16]
