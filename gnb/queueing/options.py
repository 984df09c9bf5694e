"""The options of jobs, checked once where they come in; inside the engine they are valid."""

import hashlib
import json
import math
import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from .dependencies import NO_DEPENDENCIES, PARENT_FAILURE, Dependencies
from .errors import InvalidJobOption
from .keys import JOB_ID, TEMPLATE_PREFIX

Duration = timedelta | float | int

_UNITS = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|$)")
MOST_SECONDS = 10 * 365 * 86400
_LONGEST_DURATION = 1000
"""Letters of a text. Looking for parts takes the square of its length."""
_LONGEST_DEDUPLICATION_ID = 500
RESERVED_IDS = frozenset({"clean", "download", "drain", "failures", "jobs", "limits", "new", "stats", "types"})
"""Ids that no job may have: an address that ends like this is a queue's own, as in /jobs/email/stats."""


def seconds(value: Any, option: str) -> float:
    """Seconds from a `timedelta`, a number, or a text like "90", "1h30m", "250ms". Raises InvalidJobOption."""
    if isinstance(value, timedelta):
        number = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(max(min(value, 1e12), -1))  # beyond any limit, yet no overflow
    else:
        text = value.strip() if isinstance(value, str) else ""
        if not text or len(text) > _LONGEST_DURATION or _PART.sub("", text).strip():
            raise InvalidJobOption("duration", name=option, value=repr(value))
        number = sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    if not 0 <= number <= MOST_SECONDS:
        raise InvalidJobOption("range", name=option, value=repr(value))
    return number


def whole(value: Any, option: str, low: int, high: int) -> int:
    """The value as a whole number from `low` to `high`. Raises InvalidJobOption."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidJobOption("whole", name=option, value=repr(value), low=str(low), high=str(high))
    return value


def plain(value: Any) -> Any:
    """Options as JSON has them, durations in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Backoff, Retention, Deduplication)):
        return asdict(value)
    if isinstance(value, Dependencies):
        return list(value.ids)
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


@dataclass(frozen=True)
class Retention:
    """How long and how many finished jobs are kept: `age` in seconds (None: for ever), `count` (None: all)."""

    age: float | None = None
    count: int | None = None

    @classmethod
    def of(cls, value: Any, option: str) -> "Retention":
        """From True (remove immediately), False (keep all), a count, or {"age": …, "count": …}."""
        if isinstance(value, Retention):
            return value
        if value is True:
            return cls(age=0, count=0)
        if value is False:
            return cls()
        if isinstance(value, Mapping) and value and set(value) <= {"age", "count"}:
            age, count = value.get("age"), value.get("count")
            return cls(
                None if age is None else seconds(age, f"{option}.age"),
                None if count is None else whole(count, f"{option}.count", 0, 10_000_000),
            )
        if isinstance(value, int):
            return cls(count=whole(value, option, 0, 10_000_000))
        raise InvalidJobOption("retention", name=option, value=repr(value))

    @property
    def ttl(self) -> int:
        """RQ's form of the age: whole seconds, -1 for ever, 0 not at all."""
        return -1 if self.age is None else int(self.age)

    @property
    def keep(self) -> int:
        """The count, -1 for all."""
        return -1 if self.count is None else self.count

    @property
    def wire(self) -> str:
        """The form that the scripts read."""
        return f"{self.ttl}|{self.keep}"

    @classmethod
    def parse(cls, wire: bytes) -> "Retention | None":
        """From the form that the scripts read; None for any other."""
        age, _, count = wire.decode(errors="replace").partition("|")
        try:
            return cls(*(None if int(part) < 0 else int(part) for part in (age, count)))
        except ValueError:
            return None

    def __str__(self) -> str:
        """The form that people write: "1d/1000", "none" for what has no limit."""
        unit = next(unit for unit in ("d", "h", "m", "s") if not (self.age or 0) % _UNITS[unit] or unit == "s")
        age = "none" if self.age is None else f"{self.age / _UNITS[unit]:.10g}{unit}"
        return f"{age}/{'none' if self.count is None else self.count}"


@dataclass(frozen=True)
class Backoff:
    """The wait before a retry: `delay` seconds each time ("fixed") or doubled each time ("exponential").

    `jitter` (0 to 1) takes away up to that share of each wait, at random, so that jobs that failed together do not
    come back together.
    """

    type: str = "exponential"
    delay: float = 2.0
    jitter: float = 0.0

    @classmethod
    def of(cls, value: Any) -> "Backoff":
        if isinstance(value, Backoff):
            return value
        if not isinstance(value, Mapping):
            return cls("fixed", seconds(value, "backoff"))
        if unknown := set(value) - {"type", "delay", "jitter"}:
            raise InvalidJobOption("backoff_field", value=repr(sorted(unknown)[0]))
        kind, jitter = value.get("type", "exponential"), value.get("jitter", 0)
        if kind not in ("exponential", "fixed"):
            raise InvalidJobOption("backoff_type", value=repr(kind))
        if isinstance(jitter, bool) or not isinstance(jitter, (int, float)) or not 0 <= jitter <= 1:
            raise InvalidJobOption("jitter", value=repr(jitter))
        return cls(kind, seconds(value.get("delay", 2.0), "backoff.delay"), float(jitter))

    def intervals(self, retries: int) -> list[float]:
        """The waits before each retry in seconds: 2, 4, 8… for an exponential backoff from 2; none over a day."""
        growth = 2 if self.type == "exponential" else 1
        waits = (self.delay * growth ** min(n, 64) for n in range(retries))
        return [round(min(wait, 86400.0) * (1 - self.jitter * random.random()), 3) for wait in waits]


@dataclass(frozen=True)
class Deduplication:
    """Which jobs of a queue count as one: while a job holds the id, no other with the same id is made.

    Without `ttl` a job holds the id until it has ended, with `ttl` for so many seconds from its enqueueing. `extend`
    starts that time again with each job that is not made; `replace` gives the job that holds the id, while it is
    delayed, the data, options and time of the newer one.
    """

    id: str
    ttl: float | None = None
    extend: bool = False
    replace: bool = False

    @classmethod
    def of(cls, value: Any) -> "Deduplication | None":
        """From {"id": …, "ttl": …, "extend": …, "replace": …}; only the id is required. Raises InvalidJobOption."""
        if value is None or isinstance(value, Deduplication):
            return value
        if not isinstance(value, Mapping) or "id" not in value:
            raise InvalidJobOption("deduplication", value=repr(value))
        if unknown := set(value) - {"id", "ttl", "extend", "replace"}:
            raise InvalidJobOption("deduplication_field", name=repr(min(unknown)))
        name, ttl, flags = value["id"], value.get("ttl"), [value.get(flag, False) for flag in ("extend", "replace")]
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_DEDUPLICATION_ID:
            raise InvalidJobOption("deduplication_id", value=repr(name), most=_LONGEST_DEDUPLICATION_ID)
        if not all(isinstance(flag, bool) for flag in flags):
            raise InvalidJobOption("deduplication_flags")
        if ttl is None and flags[0]:
            raise InvalidJobOption("deduplication_extend")
        if ttl is not None and (ttl := seconds(ttl, "deduplication.ttl")) < 0.001:
            raise InvalidJobOption("positive", name="deduplication.ttl", value=repr(ttl))
        return cls(name, ttl, *flags)

    @property
    def field(self) -> str:
        """The field of the job's hash that holds the digest, by how long the id is held."""
        return "deduplication" if self.ttl is None else "deduplication_ttl"

    @property
    def digest(self) -> str:
        """The id as it stands in key names, since an id may hold any character."""
        return hashlib.sha256(self.id.encode(errors="surrogatepass")).hexdigest()[:32]

    @property
    def wire(self) -> str:
        """The form that the enqueue script reads."""
        flags = ("1" if flag else "" for flag in (self.extend, self.replace))
        return "|".join((self.digest, str(int((self.ttl or 0) * 1000)), *flags))


@dataclass(frozen=True)
class JobOptions:
    """How a job is run. A queue has all of them; a type and then a call may override some."""

    priority: int = 5
    attempts: int = 3
    backoff: Backoff = field(default_factory=Backoff)
    timeout: float = 180.0
    delay: float = 0.0
    job_id: str | None = None
    deduplication: Deduplication | None = None
    remove_on_complete: Retention = Retention(86400, 1000)
    remove_on_fail: Retention = Retention(7 * 86400, 5000)
    depends_on: Dependencies = NO_DEPENDENCIES
    on_parent_failure: str | None = None
    on_success: str | None = None
    on_failure: str | None = None

    @cached_property
    def hash_fields(self) -> tuple[Any, ...]:
        """The names and values that these options put into a job's hash, but for intervals that jitter makes."""
        words: list[Any] = ["timeout", math.ceil(self.timeout), "attempts", self.attempts]
        words += ["result_ttl", self.remove_on_complete.ttl, "failure_ttl", self.remove_on_fail.ttl]
        if self.attempts > 1:
            words += ["retries_left", self.attempts - 1]
            if not self.backoff.jitter:
                words += ["retry_intervals", json.dumps(self.backoff.intervals(self.attempts - 1))]
        return tuple(words)

    def override(self, options: Mapping[str, Any]) -> "JobOptions":
        """These options with others on top. Raises InvalidJobOption naming the first that is unknown or wrong."""
        return replace(self, **{name: _checked(name, value) for name, value in options.items()}) if options else self


def _checked(name: str, value: Any) -> Any:
    if name == "priority":
        return whole(value, name, 1, 10)
    if name == "attempts":
        return whole(value, name, 1, 1000)
    if name == "backoff":
        return Backoff.of(value)
    if name == "delay":
        return seconds(value, name)
    if name == "timeout":
        if (length := seconds(value, name)) <= 0:
            raise InvalidJobOption("positive", name=name, value=repr(value))
        return length
    if name in ("remove_on_complete", "remove_on_fail"):
        return Retention.of(value, name)
    if name == "job_id":
        if not isinstance(value, str) or not JOB_ID.fullmatch(value):
            raise InvalidJobOption("job_id", value=repr(value))
        if value in RESERVED_IDS:
            raise InvalidJobOption("reserved_id", value=repr(value))
        if value.startswith(TEMPLATE_PREFIX):
            raise InvalidJobOption("schedule_prefix", value=repr(value), prefix=repr(TEMPLATE_PREFIX))
        return value
    if name == "deduplication":
        return Deduplication.of(value)
    if name == "depends_on":
        return Dependencies.of(value)
    if name == "on_parent_failure":
        if value not in PARENT_FAILURE:
            raise InvalidJobOption("on_parent_failure", value=repr(value))
        return value
    if name in ("on_success", "on_failure"):
        if not isinstance(value, str):
            raise InvalidJobOption("callback", name=name, value=repr(value))
        return value
    known = [*(option.name for option in fields(JobOptions)), "repeat"]
    raise InvalidJobOption("unknown", name=repr(name), choices=known)
