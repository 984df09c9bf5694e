"""Moments and durations as people say them."""

from datetime import UTC, datetime

from flask_babel import format_datetime, gettext

from gnb.blueprints.admin.presenters.numbers import grouped

MINUTE, HOUR, DAY = 60, 3600, 86_400


def duration(seconds: float | None) -> str:
    """Return a length of time in at most two units: ``0.4 s``, ``2 min 14 s``, ``3 d 4 h``."""
    if seconds is None:
        return "–"
    seconds = max(0.0, float(seconds))
    if 0 < seconds < 0.001:
        return gettext("< 1 ms")
    if seconds < 1:
        return gettext("%(n)s ms", n=grouped(seconds * 1000))
    if seconds < 10:
        return gettext("%(n)s s", n=grouped(seconds, 1))
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    if seconds < MINUTE:
        return gettext("%(n)s s", n=seconds)
    if seconds < HOUR:
        large, small = divmod(seconds, MINUTE)
        parts = [gettext("%(n)s min", n=large), gettext("%(n)s s", n=small)]
    elif seconds < DAY:
        large, small = divmod(seconds // MINUTE, 60)
        parts = [gettext("%(n)s h", n=large), gettext("%(n)s min", n=small)]
    else:
        large, small = divmod(seconds // HOUR, 24)
        parts = [gettext("%(n)s d", n=grouped(large)), gettext("%(n)s h", n=small)]
    return " ".join(parts if small and large < 10 else parts[:1])


def relative(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how far ``moment`` is from ``now``: ``3 min ago``, ``in 2 h``, ``now``."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - aware(moment)).total_seconds()
    if abs(seconds) < 1:
        return gettext("now")
    span = _two_units(round(abs(seconds)))
    return gettext("%(span)s ago", span=span) if seconds > 0 else gettext("in %(span)s", span=span)


def exact(moment: datetime | None) -> str:
    """Return the moment to the second, in the reader's language and the site's time zone."""
    return "" if moment is None else str(format_datetime(aware(moment), "d MMMM y, HH:mm:ss z"))


def short(moment: datetime) -> str:
    """Return the moment to the minute, for a list: ``24 Nov 2026, 17:30``, in the site's time zone."""
    return str(format_datetime(aware(moment), "d MMM y, HH:mm"))


def aware(moment: datetime) -> datetime:
    """Return the moment with its zone; the database keeps UTC and SQLite forgets to say so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def elapsed(start: datetime | None, end: datetime | None = None) -> float | None:
    """Return the seconds between two moments (to now when ``end`` is missing), or None."""
    if start is None:
        return None
    return max(0.0, (aware(end or datetime.now(UTC)) - aware(start)).total_seconds())
