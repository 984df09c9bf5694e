"""Numbers as the reader's language writes them."""

from functools import cache
from typing import Any

from babel.numbers import get_decimal_symbol, get_group_symbol
from flask_babel import get_locale, gettext, ngettext

_UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | int | None) -> str:
    """Return ``value`` grouped by thousands, or a dash when there is none."""
    if value is None:
        return "–"
    return grouped(value, 2 if isinstance(value, float) and not value.is_integer() else 0)


def grouped(value: float | int, digits: int = 0) -> str:
    """Return ``value`` with at most so many digits after the point, with the signs of the reader's language.

    A page with plots has a thousand numbers: Babel's own formatting, which reads its pattern anew for each, takes
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
