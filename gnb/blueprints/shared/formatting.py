"""Format numbers, moments and durations in the reader's language."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from babel.numbers import get_decimal_symbol, get_group_symbol
from flask_babel import format_date, format_datetime, get_locale, gettext, ngettext

from gnb.blueprints.shared.preferences import page_language
from gnb.messages import formats

_UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | int | None) -> str:
    """Return ``value`` grouped by thousands, or a dash when there is none."""
    if value is None:
        return "–"
    return grouped(value, 2 if isinstance(value, float) and not value.is_integer() else 0)


def grouped(value: float | int, digits: int = 0) -> str:
    """Return ``value`` with at most so many digits after the point, with the signs of the reader's language.

    A page with plots has a thousand numbers: Babel's own formatting, which parses its pattern again for each, takes
    ten times as long.
    """
    text = f"{value:,.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    group, point = _signs(str(get_locale() or "en"))
    return text.translate({ord(","): group, ord("."): point})


@cache
def _signs(locale: str) -> tuple[str, str]:
    return get_group_symbol(locale), get_decimal_symbol(locale)


def percent(value: float, digits: int = 0, signed: bool = False) -> str:
    """Return ``value`` with the sign of per cent where the reader's language has it: ``12.5%``, ``%12,5``."""
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    return sign + gettext("%(n)s%%", n=grouped(abs(value), digits))


def size(value: int | None) -> str:
    """Return a number of bytes in the largest unit that keeps it above one."""
    if value is None:
        return "–"
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{grouped(amount, 1 if unit and amount < 100 else 0)} {_UNITS[unit]}"


def rate(value: str | None) -> str:
    """Return a rate limit such as ``50/60s`` in words."""
    if not value or value == "none" or "/" not in value:
        return gettext("no limit")
    count, window = value.split("/", 1)
    if window == "60s":
        return gettext("%(count)s a minute", count=count)
    return gettext("%(count)s in %(window)s", count=count, window=window)


def counted(one: str, many: str, number_of_things: int, **words: Any) -> str:
    """Return the text for so many things, with the number, grouped, in place of ``%(count)s``."""
    return str(ngettext(one, many, number_of_things, count=number(number_of_things), **words))


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


def clock(moment: datetime) -> str:
    """Return the time of day to the second, in the site's time zone."""
    return str(format_datetime(aware(moment), "HH:mm:ss"))


def aware(moment: datetime) -> datetime:
    """Return the moment with its zone; the database keeps UTC and SQLite forgets to say so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def elapsed(start: datetime | None, end: datetime | None = None) -> float | None:
    """Return the seconds between two moments (to now when ``end`` is missing), or None."""
    if start is None:
        return None
    return max(0.0, (aware(end or datetime.now(UTC)) - aware(start)).total_seconds())


def money(amount: Decimal, currency: str) -> str:
    """Return an amount of money: ``€45.00``, or ``€45,00`` in Turkish."""
    return formats.money(amount, currency, page_language())


def local_day(moment: datetime) -> str:
    """Return the day of a pickup in Istanbul: ``Tuesday, 24 November 2026``."""
    return formats.day(moment, page_language())


def day_name(day: date) -> str:
    """Return a calendar day with its weekday: ``Tuesday, 24 November``."""
    return str(format_date(day, "EEEE, d MMMM"))


def local_time(moment: datetime) -> str:
    """Return the time of a pickup in Istanbul: ``17:30``."""
    return formats.clock(moment, page_language())


MAXIMUM_LENGTH = 20_000
_KEPT_CONTROLS = {"\n", "\t"}


def escape_control_characters(text: object, limit: int = MAXIMUM_LENGTH) -> str:
    """Return ``text`` with invisible and direction-changing characters written as escapes, cut at ``limit``."""
    whole = text if isinstance(text, str) else str(text)
    shown = "".join(_escaped(character) for character in whole[:limit])
    if len(whole) > limit:
        shown += f" … (+{len(whole) - limit:,})"
    return shown


def replace_surrogates(text: str) -> str:
    """Return ``text`` with a question mark for what a page cannot carry: JSON knows half characters, UTF-8 does not."""
    return text.encode(errors="replace").decode()


def _escaped(character: str) -> str:
    if character in _KEPT_CONTROLS or character.isprintable():
        return character
    category = unicodedata.category(character)
    if category in {"Zs", "Zl", "Zp"}:
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def pretty_json(value: Any, limit: int = MAXIMUM_LENGTH) -> str:
    """Return ``value`` as indented JSON that is safe to look at."""
    return escape_control_characters(json.dumps(value, indent=2, ensure_ascii=False, default=str), limit)


def parse_int(text: str, digits: int = 9) -> int | None:
    """Return the whole number; None for anything else, such as digits of other scripts or too many digits."""
    return int(text) if re.fullmatch(rf"-?[0-9]{{1,{digits}}}", text) else None


def capital(text: str) -> str:
    """Return the text with a capital letter in front; that of a Turkish i keeps its dot."""
    first = text[:1]
    return ("İ" if first == "i" and str(get_locale()) == "tr" else first.upper()) + text[1:]


_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def split_identifier(name: str) -> str:
    """Return an identifier as words: ``startDate`` and ``start_date`` are both ``start date``."""
    return _CAMEL_CASE.sub(" ", name).replace("_", " ").replace("-", " ").lower().strip()
