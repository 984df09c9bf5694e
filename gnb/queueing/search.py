"""Finding jobs of a state: by text, type, error, priority, attempts and age, as many as a time allows.

    found = find(queue, "failed", JobFilter(text="no route"), seconds=0.8)
    found.jobs, found.searched, found.total, found.cursor

A search reads a few fields of each job, so that 20,000 jobs take a fraction of a second.
"""

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import keys as names
from .job import FIELDS, Job, attempts_and_retries, job_from_hash, payload, whole_number
from .messages import Message

if TYPE_CHECKING:
    from .queue_reader import QueueReader

_TEXT_FIELDS = ("data", "type", "error", "meta")
_OTHER_FIELDS = ("origin", "created_at", "ended_at", "attempts", "retries_left")
_FOLDED = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,}\b|\d+(?:[.,:]\d+)*", re.IGNORECASE)
_AT_ONCE = 2000
_MOST_BYTES = 4_000_000
_READ_AT_ONCE = 500


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are wanted; an empty field matches all.

    `text` is in the id, the type, the data, the error or the correlation id, case and accents aside; or the data has
    one of `numbers`, by the name of a field: `{"deliveryId": {7, 8}}`. `error` is the key of a `FailureGroup`. `since`
    is compared with the end of a finished job and the creation of others, in RQ's form of a time.
    """

    text: str = ""
    numbers: Mapping[str, frozenset[int]] = field(default_factory=dict)
    type: str = ""
    error: str = ""
    priority: int | None = None
    attempts: int | None = None
    since: str = ""

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
) -> Found:
    """Search a state from place `cursor` on for `seconds`, or until `limit` jobs are found.

    With a limit the jobs are read too. Raises QueueUnavailable.
    """
    deadline, matcher = time.monotonic() + seconds, Matcher(reader, wanted)
    ids: list[str] = []
    scores: dict[str, float | None] = {}
    place, total, at_most = cursor, cursor + 1, limit or float("inf")
    while place < total and len(ids) < at_most and (place == cursor or time.monotonic() < deadline):
        total, *rows = reader.rows(state, place, place + _AT_ONCE, _MOST_BYTES, matcher.fields, scan=True)
        if not rows:
            place = total
        for job_id, score, *values in rows:
            place += 1
            text = job_id.decode(errors="replace")
            if values[0] and matcher.matches(text, values):
                ids.append(text)
                scores[text] = float(score) if score else None
                if len(ids) >= at_most:
                    break
    jobs = read_jobs(reader, ids, scores) if limit else []
    return Found(ids, total, min(place, total), place if place < total else None, jobs)


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


class Matcher:
    """Decides of one job after the other, from the few fields that a search reads."""

    def __init__(self, reader: "QueueReader", wanted: JobFilter):
        self._reader = reader
        self._wanted = wanted
        others = wanted.priority or wanted.since or wanted.attempts
        self.fields = _TEXT_FIELDS + (_OTHER_FIELDS if others else ())
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

    def matches(self, job_id: str, values: list[bytes | None]) -> bool:
        """Return whether the job with these values of the searched fields is wanted."""
        data, job_type, error, meta, *others = values
        origin, created, ended, attempts, left = others or (None,) * len(_OTHER_FIELDS)
        wanted = self._wanted
        if wanted.type and (job_type or b"").decode(errors="replace") != wanted.type:
            return False
        if wanted.priority and self._reader.keys.priority((origin or b"").decode(errors="replace")) != wanted.priority:
            return False
        if wanted.since and (ended or created or b"").decode(errors="replace") < wanted.since:
            return False
        if wanted.error and (not error or self._error(error)[1] != wanted.error):
            return False
        if wanted.attempts and self._made(job_type, attempts, left) < wanted.attempts:
            return False
        return not wanted.text or self._has_text(job_id, job_type, data or b"", error, meta)

    def _made(self, job_type: bytes | None, attempts: bytes | None, left: bytes | None) -> int:
        default = self._reader.options_of(job_type.decode(errors="replace")).attempts if job_type else None
        limit, retries = attempts_and_retries(whole_number(attempts), whole_number(left), default)
        return limit - retries

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


def searched_text(job_id: str, name: str, data: Mapping[str, Any]) -> str:
    """Return id, type and data as the page and the API show them, and data with escapes also as people type it."""
    shown = json.dumps(data, ensure_ascii=False)
    escaped = "\\" in shown
    unescaped = (
        shown.replace(r"\"", '"').replace(r"\n", "\n").replace(r"\t", "\t").replace(r"\\", "\\") if escaped else ""
    )
    return f"{job_id} {name} {shown} {unescaped}"


def plain(text: str) -> str:
    """Return the text without case and accents, so that "izmir" finds "İzmir"."""
    if text.isascii():
        return text.casefold()
    parts = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i")
    return "".join(part for part in parts if not unicodedata.combining(part))
