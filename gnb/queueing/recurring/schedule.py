"""A schedule: a job type, its data and its timing, validated on construction.

Schedule("update-sitemap", "update-sitemap", cron="0 0 * * *", tz="Europe/Istanbul")
Schedule("heartbeat", "clean-up", every=30, overlap=True, catch_up="skip")
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ..errors import InvalidJobOption, InvalidSchedule
from ..job import payload
from ..keys import TEMPLATE_PREFIX
from ..options import plain, seconds
from .cron import Cron, time_zone

CATCH_UP = ("once", "skip")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MOST_COUNTED = 1_000
_META = ("tz", "overlap", "catch_up", "options", "offset", "repeat")


class Timing(Protocol):
    """A rule that gives the next firing."""

    def after(self, moment: datetime) -> datetime: ...


@dataclass(frozen=True)
class Every:
    """A firing every `seconds`, at their multiples since 1970 plus `offset`: adding it again does not shift it."""

    seconds: int
    offset: int = 0

    def after(self, moment: datetime) -> datetime:
        """Return the first firing after `moment`, in UTC."""
        passed = int((moment.timestamp() - self.offset) // self.seconds)
        return datetime.fromtimestamp((passed + 1) * self.seconds + self.offset, UTC)


@dataclass(frozen=True)
class Schedule:
    """A schedule.

    Args:
        cron: A cron expression in the time zone `tz`; or instead
        every: Whole seconds, or a duration such as "10m".
        overlap: Fire although the previous run is not finished. Otherwise that firing is skipped and counted.
        catch_up: Firings missed while no scheduler ran are caught up by one run ("once") or skipped ("skip").
        options: Options of its jobs, without `delay`, `job_id` and `deduplication`.
        repeat: How often it fires before it is removed; None for no limit.
        offset: Seconds by which the firings of `every` are shifted.

    Raises:
        InvalidSchedule: Invalid values, by field.
    """

    name: str
    type: str
    data: dict[str, Any] = field(default_factory=dict)
    cron: str | None = None
    every: int | None = None
    tz: str = "UTC"
    queue: str = "scheduled"
    overlap: bool = False
    catch_up: str = "once"
    options: dict[str, Any] = field(default_factory=dict)
    repeat: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        errors: dict[str, list[str]] = {}
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            errors["name"] = [f"{self.name!r} is no name; give 1 to 100 letters, digits, dashes and underscores"]
        elif self.name.startswith(TEMPLATE_PREFIX):
            errors["name"] = [f"{self.name!r} starts with {TEMPLATE_PREFIX!r}, which is put before it; leave that out"]
        if self.catch_up not in CATCH_UP:
            errors["catch_up"] = [f"{self.catch_up!r} is neither 'once' nor 'skip'"]
        if rejected := {"delay", "job_id"} & set(self.options):
            errors["options"] = [f"a schedule sets {min(rejected)} itself"]
        if "deduplication" in self.options:
            errors["options"] = ["a schedule takes no deduplication: without overlap, one run at a time"]
        if "depends_on" in self.options:
            errors["options"] = ["the jobs of a schedule cannot depend on others"]
        object.__setattr__(self, "options", plain(self.options))
        try:
            time_zone(self.tz)
            self._check_timing()
        except InvalidSchedule as error:
            errors |= error.errors
        if errors:
            raise InvalidSchedule(errors)

    def _check_timing(self) -> None:
        if bool(self.cron) == (self.every is not None):
            raise InvalidSchedule({"cron": ["give either cron, like '0 2 * * mon', or every, in seconds"]})
        if self.every is not None:
            object.__setattr__(self, "every", _whole_seconds(self.every))
        else:
            Cron.parse(str(self.cron), self.tz)

    @property
    def timing(self) -> Timing:
        return Every(self.every, self.offset) if self.every else Cron.parse(str(self.cron), self.tz)

    def after(self, moment: datetime, count: int = 1) -> list[datetime]:
        """Return the next `count` firings after `moment`, in UTC."""
        timing, found = self.timing, []
        for _ in range(count):
            found.append(moment := timing.after(moment))
        return found

    def missed(self, due: datetime, now: datetime) -> tuple[int, datetime]:
        """Return the number of firings from `due` to `now` (at most 1,000 for cron), and the last of them."""
        if self.every:
            count = int((now - due).total_seconds() // self.every) + 1
            return count, datetime.fromtimestamp(due.timestamp() + (count - 1) * self.every, UTC)
        timing, count = self.timing, 1
        while count < _MOST_COUNTED and (following := timing.after(due)) <= now:
            due, count = following, count + 1
        return count, due if count < _MOST_COUNTED else self._latest(due, now)

    def _latest(self, due: datetime, now: datetime) -> datetime:
        """Return the last firing up to `now` by bisection: the one after the last second whose next is not later."""
        timing = self.timing
        low, high = due.timestamp() - 1, now.timestamp()
        while high - low > 0.5:
            middle = (low + high) / 2
            if timing.after(datetime.fromtimestamp(middle, UTC)) <= now:
                low = middle
            else:
                high = middle
        return timing.after(datetime.fromtimestamp(low, UTC))

    def is_firing(self, moment: datetime) -> bool:
        """Return whether the schedule fires at that moment by its own timing."""
        return self.timing.after(moment - timedelta(seconds=0.5)) == moment

    def to_json(self) -> str:
        """Return canonical JSON: equal schedules give equal text. `repeat` and `offset` are omitted where not set."""
        values = {name: value for name, value in asdict(self).items() if value or name not in ("repeat", "offset")}
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    def to_meta(self, code: str | None) -> str:
        """Return the meta of the template: rq-scheduler's entries, and ours. `code`: the definition in the code."""
        timing = {"interval": self.every} if self.every else {"cron_string": self.cron, "use_local_timezone": False}
        values = {name: value for name in _META if (value := getattr(self, name)) is not None}
        return json.dumps({**timing, **values, "code": code}, sort_keys=True)

    @classmethod
    def from_template(cls, name: str, fields: Mapping[bytes, bytes]) -> "Schedule":
        """Return the schedule of a template's hash. Raises InvalidSchedule, KeyError, ValueError."""
        meta, data = json.loads(fields[b"meta"]), payload(fields[b"data"])[2]
        values = {key: meta[key] for key in _META if key in meta}
        queue = fields[b"origin"].decode().partition(":")[0]
        timing = {"cron": meta.get("cron_string"), "every": meta.get("interval")}
        return cls(name=name, type=fields[b"type"].decode(), data=data, queue=queue, **timing, **values)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Schedule":
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})

    def changed(self, changes: Mapping[str, Any]) -> "Schedule":
        """Return a copy with these fields changed; setting `cron` clears `every` and vice versa."""
        values = asdict(self) | dict(changes)
        if changes.get("cron") and "every" not in changes:
            values["every"] = None
        if changes.get("every") and "cron" not in changes:
            values["cron"] = None
        return Schedule(**values)


def _whole_seconds(value: Any) -> int:
    try:
        length = seconds(value, "every")
    except InvalidJobOption as error:
        raise InvalidSchedule({"every": [str(error)]}) from None
    if length < 1 or length != int(length):
        raise InvalidSchedule({"every": [f"{value!r} is no whole number of seconds from 1 on"]})
    return int(length)
