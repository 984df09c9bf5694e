"""When a pickup may be: local times of Istanbul as instants, not too soon and not too far off."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext
from marshmallow import ValidationError

from gnb.models import HOME_ZONE, local_day

NOTICE = timedelta(hours=2)
"""A car needs this long to be found and to come."""

FARTHEST = timedelta(days=730)


def local_instant(day: date, clock: time, zone: ZoneInfo = HOME_ZONE) -> datetime | None:
    """The instant of that local time; None where a clock change leaves it out. Of two the first."""
    naive = datetime.combine(day, clock)
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == naive else None


def pickup_at(day: date, clock: time, at: datetime) -> datetime:
    """The instant of the pickup, seen from the moment `at`. Raises ValidationError for one that cannot be booked."""
    check_day(day, local_day(at))
    instant = local_instant(day, clock)
    if instant is None:
        words = gettext("That time does not exist: the clocks are put forward then. Choose one an hour later.")
        raise ValidationError(words, "time")
    if instant < at + NOTICE:
        words = gettext(
            "We need %(hours)s hours to send a car. Choose a later time.", hours=NOTICE // timedelta(hours=1)
        )
        raise ValidationError(words, "time")
    return instant


def check_day(day: date, first: date) -> None:
    """Raises ValidationError for a day that is past or too far off."""
    if day < first:
        raise ValidationError(gettext("That day is past. Choose today or a later day."), "date")
    if day > first + FARTHEST:
        last = (first + FARTHEST).isoformat()
        raise ValidationError(gettext("That is too far off. Choose a day up to %(last)s.", last=last), "date")
