"""What a schedule is: a job type, its data, and when; checked where it comes in.

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
from ..messages import make_message
from ..options import TEMPLATE_PREFIX, plain, seconds
from .cron import Cron, time_zone

CATCH_UP = ("once", "skip")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MOST_COUNTED = 1_000
_META = ("tz", "overlap", "catch_up", "options", "offset", "repeat")


class Timing(Protocol):
    """Says when to fire next."""

    def after(self, moment: datetime) -> datetime: ...


@dataclass(frozen=True)
class Every:
    """A firing every so many seconds, on the multiples of that since 1970 plus an offset: adding it again does not
    shift it."""

    seconds: int
    offset: int = 0

    def after(self, moment: datetime) -> datetime:
        """The first multiple later than that moment, in UTC."""
        passed = int((moment.timestamp() - self.offset) // self.seconds)
        return datetime.fromtimestamp((passed + 1) * self.seconds + self.offset, UTC)


@dataclass(frozen=True)
class Schedule:
    """One schedule. Raises InvalidSchedule, field by field, when made of values it cannot have.

    `cron` in the time zone `tz`, or `every` (whole seconds, or a duration like "10m"). `overlap`: fire although the run
    before is not done; otherwise that firing is skipped and counted. `catch_up`: firings missed while no scheduler ran
    are made up for by one run ("once") or left out ("skip"). `options`: its jobs', without `delay` and `job_id`.
    `repeat`: how often it fires before it is removed, None for ever. `offset`: seconds by which `every` is shifted.
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
            errors["name"] = [make_message("invalid_schedule.name", value=repr(self.name))]
        elif self.name.startswith(TEMPLATE_PREFIX):
            prefix = repr(TEMPLATE_PREFIX)
            errors["name"] = [make_message("invalid_schedule.prefix", value=repr(self.name), prefix=prefix)]
        if self.catch_up not in CATCH_UP:
            errors["catch_up"] = [make_message("invalid_schedule.catch_up", value=repr(self.catch_up))]
        if refused := {"delay", "job_id"} & set(self.options):
            errors["options"] = [make_message("invalid_schedule.own_option", name=min(refused))]
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
            raise InvalidSchedule({"cron": [make_message("invalid_schedule.both_timings")]})
        if self.every is not None:
            object.__setattr__(self, "every", _whole_seconds(self.every))
        else:
            Cron.parse(str(self.cron), self.tz)

    @property
    def timing(self) -> Timing:
        return Every(self.every, self.offset) if self.every else Cron.parse(str(self.cron), self.tz)

    def after(self, moment: datetime, count: int = 1) -> list[datetime]:
        """The next `count` firings later than that moment, in UTC."""
        timing, found = self.timing, []
        for _ in range(count):
            found.append(moment := timing.after(moment))
        return found

    def missed(self, due: datetime, now: datetime) -> tuple[int, datetime]:
        """How many firings lie from `due` to `now` (counted to 1,000 for cron), and the last of them."""
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
        """The same text for the same schedule; fields that few schedules have are left out where they are not set."""
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
        """The schedule with these fields anew; a new `cron` takes `every` away and the other way round."""
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
        raise InvalidSchedule({"every": [error.message]}) from None
    if length < 1 or length != int(length):
        raise InvalidSchedule({"every": [make_message("invalid_schedule.every", value=repr(value))]})
    return int(length)
