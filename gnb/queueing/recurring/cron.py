"""When a cron expression fires, in a time zone with its clock changes.

    Cron.parse("30 2 * * mon-fri", "Europe/Berlin").after(datetime.now(UTC))

Five fields with numbers, names (jan, mon), lists, ranges and steps, or `@hourly`, `@daily`, `@weekly`, `@monthly`,
`@yearly`. croniter reads the fields against a clock on the wall; clock changes are ours, by the convention of cron(8):
a schedule of every hour goes on by elapsed time; one with fixed hours fires once for each time its zone's clock shows,
at the first showing of a time that comes twice, and at the end of the gap for a time that is skipped.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from ..errors import InvalidSchedule
from ..messages import make_message

FIELDS = ("minute", "hour", "monthday", "month", "weekday")
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
    """A checked expression in its time zone. Made by `parse`."""

    def __init__(self, expression: str, zone: ZoneInfo):
        self.expression = expression
        self._zone = zone

    @classmethod
    def parse(cls, text: str, tz: str) -> "Cron":
        """From what a person wrote. Raises InvalidSchedule naming the field that is wrong."""
        zone = time_zone(tz)
        expression = _FORMS.get(text.strip().lower(), text.strip())
        _check(expression)
        return cls(expression.lower(), zone)

    def after(self, moment: datetime) -> datetime:
        """The first firing later than that moment, in UTC."""
        return self._after_elapsed(moment) if self._every_hour else self._after_shown(moment)

    @cached_property
    def _every_hour(self) -> bool:
        hours = croniter.expand(self.expression)[0][1]
        return hours == ["*"] or len(hours) == 24

    def _after_elapsed(self, moment: datetime) -> datetime:
        """Between two clock changes the wall clock is a plain one: look in each such stretch in turn."""
        offset = self._offset(moment)
        while True:
            local = moment.astimezone(UTC).replace(tzinfo=None) + offset
            found = self._next(local).replace(tzinfo=UTC) - offset
            if self._offset(found) == offset:
                return found
            change = self._change(moment, found)
            moment, offset = change - timedelta(seconds=1), self._offset(change)

    def _after_shown(self, moment: datetime) -> datetime:
        """Each time the wall clock shows stands for one instant; the first of these that is later."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        if self._offset(moment) != self._offset(moment - _LONGEST_SHIFT):
            local -= _LONGEST_SHIFT
        while (found := self._instant(local := self._next(local))) <= moment:
            pass
        return found

    def _instant(self, local: datetime) -> datetime:
        """The first instant at which the zone's clock shows that time, or jumps over it."""
        shown = local.replace(tzinfo=self._zone).astimezone(UTC)
        if shown.astimezone(self._zone).replace(tzinfo=None) == local:
            return shown
        return self._change(local.replace(tzinfo=self._zone, fold=1).astimezone(UTC) - timedelta(seconds=1), shown)

    def _change(self, start: datetime, end: datetime) -> datetime:
        """The instant between the two, to the second, from which the zone's offset is another than at the start."""
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
        following: datetime = croniter(self.expression, local).get_next(datetime)
        return following


def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises InvalidSchedule."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        raise InvalidSchedule({"tz": [make_message("invalid_schedule.time_zone", value=repr(name))]}) from None


def local_zone() -> str:
    """Return the name of this machine's time zone."""
    return os.environ.get("TZ") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2] or "UTC"


def _check(expression: str) -> None:
    if expression.startswith("@"):
        raise _wrong("invalid_schedule.cron_form", value=repr(expression), choices=list(_FORMS))
    fields = expression.split()
    if len(fields) != len(FIELDS):
        raise _wrong("invalid_schedule.cron_fields", value=repr(expression), count=len(fields))
    for position, text in enumerate(fields):
        alone = ["*"] * len(FIELDS)
        alone[position] = text.lower()
        if not _FIELD.fullmatch(text) or _backward(text) or not croniter.is_valid(" ".join(alone)):
            raise _wrong(f"invalid_schedule.cron_{FIELDS[position]}", value=repr(text))
    try:
        croniter(expression.lower(), _SOME_DAY).get_next(datetime)
    except (ValueError, KeyError):
        raise _wrong("invalid_schedule.cron_day", day=repr(fields[2]), month=repr(fields[3])) from None


def _backward(text: str) -> bool:
    return any(int(low) > int(high) for low, high in re.findall(r"(\d+)-(\d+)", text))


def _wrong(code: str, **params: Any) -> InvalidSchedule:
    return InvalidSchedule({"cron": [make_message(code, **params)]})
