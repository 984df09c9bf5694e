"""Numbers as the reader's language writes them."""

from typing import Any

from flask_babel import format_decimal, gettext, ngettext

_UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | int | None) -> str:
    """Return ``value`` grouped by thousands, or a dash when there is none."""
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return str(format_decimal(round(value, 2)))
    return str(format_decimal(int(value)))


def size(value: int | None) -> str:
    """Return a number of bytes in the largest unit that keeps it above one."""
    if value is None:
        return "–"
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    text = format_decimal(round(amount, 1 if unit and amount < 100 else 0))
    return f"{text} {_UNITS[unit]}"


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
