"""The words of the documents that depend on what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale, gettext

from gnb.models import Tour
from gnb.services.bookings.status import booking_word
from gnb.services.exports.pdf_pages import Press


def title(press: Press, words: Callable[[], str]) -> str:
    """The words in the document's language."""
    with force_locale(press.language):
        return words()


def described(press: Press, connection: sa.Connection, filters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the document was narrowed by, as pairs of a name and its value, span of days first."""
    with force_locale(press.language):
        lines = [(gettext("Days"), _span(press, filters))]
        names = {
            "status": gettext("Status"),
            "payment_method": gettext("Payment"),
            "currency": gettext("Currency"),
            "language": gettext("Language"),
        }
        lines += [
            (words, ", ".join(map(booking_word, filters[name]))) for name, words in names.items() if name in filters
        ]
        if "tour" in filters:
            tour = connection.scalar(sa.select(Tour.name).where(Tour.id == filters["tour"]))
            lines.append((gettext("Tour"), tour or str(filters["tour"])))
        return lines


def _span(press: Press, filters: Mapping[str, Any]) -> str:
    start, end = filters.get("start_date"), filters.get("end_date")
    if start and end:
        return f"{press.day(start)} – {press.day(end)}"
    if start:
        return gettext("from %(day)s", day=press.day(start))
    if end:
        return gettext("until %(day)s", day=press.day(end))
    return gettext("all")
