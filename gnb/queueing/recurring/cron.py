"""Firing times of a cron expression in a time zone, across clock changes.

    Cron.parse("30 2 * * mon-fri", "Europe/Berlin").after(datetime.now(UTC))

As in cron(8), a day must match both the day of the month and the day of the week if one of them begins with `*`, such
as `0 0 */2 * mon`, and either of them otherwise. A step may not be longer than its field.

Five fields with numbers, names (jan, mon), lists, ranges and steps, or `@hourly`, `@daily`, `@weekly`, `@monthly`,
`@yearly`. croniter evaluates the fields in local time; clock changes are handled here by the convention of cron(8): a
schedule for every hour continues by elapsed time; one with fixed hours fires once per local time, at the first
occurrence of a time that occurs twice, and at the end of the gap for a time that is skipped.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter

from ..errors import InvalidSchedule

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_SHAPES = ("0 to 59", "0 to 23", "1 to 31", "1 to 12 or jan to dec", "0 to 7 (0 and 7 are Sunday) or sun to sat")
_LONGEST_STEPS = (59, 23, 30, 11, 6)
_FORMS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# No L, W, # and H: they mean something else in every cron that has them.
_FIELD = re.compile(r"(?:[0-9]|[A-Za-z]{3}|[*,/-]){1,200}")
_LONGEST_SHIFT = timedelta(hours=25)  # more than any zone's clock ever jumped, a skipped day at the date line included
_SOME_DAY = datetime(2024, 1, 1)


class Cron:
    """A valid expression in its time zone; see `parse`."""

    def __init__(self, expression: str, zone: ZoneInfo):
        self.expression = expression
        self._zone = zone

    @classmethod
    def parse(cls, text: str, tz: str) -> "Cron":
        """Parse and validate an expression. Raises InvalidSchedule that names the invalid field."""
        zone = time_zone(tz)
        expression = _FORMS.get(text.strip().lower(), text.strip())
        _check(expression)
        return cls(expression.lower(), zone)

    def after(self, moment: datetime) -> datetime:
        """Return the first firing after `moment`, in UTC."""
        return self._after_elapsed(moment) if self._every_hour else self._after_shown(moment)

    @cached_property
    def _every_hour(self) -> bool:
        hours = croniter.expand(self.expression)[0][1]
        return hours == ["*"] or len(hours) == 24

    def _after_elapsed(self, moment: datetime) -> datetime:
        """Search each period between two clock changes in turn; within one, local time has a fixed offset."""
        offset = self._offset(moment)
        while True:
            local = moment.astimezone(UTC).replace(tzinfo=None) + offset
            found = self._next(local).replace(tzinfo=UTC) - offset
            if self._offset(found) == offset:
                return found
            change = self._change(moment, found)
            moment, offset = change - timedelta(seconds=1), self._offset(change)

    def _after_shown(self, moment: datetime) -> datetime:
        """Search local times in order; return the instant of the first one after `moment`."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        if self._offset(moment) != self._offset(moment - _LONGEST_SHIFT):
            local -= _LONGEST_SHIFT
        while (found := self._instant(local := self._next(local))) <= moment:
            pass
        return found

    def _instant(self, local: datetime) -> datetime:
        """Return the first instant with that local time, or the end of the gap that skips it."""
        shown = local.replace(tzinfo=self._zone).astimezone(UTC)
        if shown.astimezone(self._zone).replace(tzinfo=None) == local:
            return shown
        return self._change(local.replace(tzinfo=self._zone, fold=1).astimezone(UTC) - timedelta(seconds=1), shown)

    def _change(self, start: datetime, end: datetime) -> datetime:
        """Return the instant between the two, to the second, at which the zone's offset changes."""
        low, high = int(start.timestamp()), int(end.timestamp())
        before = self._offset(datetime.fromtimestamp(low, UTC))
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(datetime.fromtimestamp(middle, UTC)) == before:
                low = middle
            else:
                high = middle
        return datetime.fromtimestamp(high, UTC)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or timedelta(0)

    def _next(self, local: datetime) -> datetime:
        return _first_after(self.expression, local)


def must_match_both_days(expression: str) -> bool:
    """Return whether a day must match the day of the month and that of the week: if one of them begins with `*`."""
    _, _, day, _, weekday = expression.split()
    return day.startswith("*") or weekday.startswith("*")


def _first_after(expression: str, local: datetime) -> datetime:
    found: datetime = croniter(expression, local, day_or=not must_match_both_days(expression)).get_next(datetime)
    return found


def time_zone(name: str) -> ZoneInfo:
    """Return the zone with that IANA name. Raises InvalidSchedule."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        raise InvalidSchedule({"tz": [f"there is no time zone {name!r}; give one like Europe/Istanbul"]}) from None


def local_zone() -> str:
    """Return the name of this machine's time zone."""
    return os.environ.get("TZ") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2] or "UTC"


def _check(expression: str) -> None:
    if expression.startswith("@"):
        raise _wrong(f"{expression!r} is none of {', '.join(_FORMS)}")
    fields = expression.split()
    if len(fields) != len(FIELDS):
        names = ", ".join(FIELDS)
        raise _wrong(f"{expression!r} has {len(fields)} fields; give five: {names}, like '30 2 * * mon'")
    for position, text in enumerate(fields):
        alone = ["*"] * len(FIELDS)
        alone[position] = text.lower()
        if not _FIELD.fullmatch(text) or _backward(text) or not croniter.is_valid(" ".join(alone)):
            raise _wrong(f"{FIELDS[position]} is {text!r}; give {_SHAPES[position]}, *, a list, a range or a step")
        if any(int(step) > _LONGEST_STEPS[position] for step in re.findall(r"/(\d+)", text)):
            raise _wrong(f"{FIELDS[position]} is {text!r}; a step is at most {_LONGEST_STEPS[position]}")
    try:
        _first_after(expression.lower(), _SOME_DAY)
    except (ValueError, KeyError):
        raise _wrong(f"day of the month {fields[2]!r} never comes in month {fields[3]!r}") from None


def _backward(text: str) -> bool:
    return any(int(low) > int(high) for low, high in re.findall(r"(\d+)-(\d+)", text))


def _wrong(message: str) -> InvalidSchedule:
    return InvalidSchedule({"cron": [message]})
