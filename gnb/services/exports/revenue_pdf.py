"""The revenue report as a PDF: a cover line, the figures, revenue over time and by tour, the ten best tours.

Every figure comes added up from the database; each currency has a section of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext

from gnb.services.exports import plots, revenue
from gnb.services.exports.csv_file import Progress, Sink
from gnb.services.exports.pdf_pages import Press
from gnb.services.exports.pdf_words import described, title
from gnb.services.exports.snapshot import snapshot

BEST = 10


def write_revenue_pdf(
    filters: Mapping[str, Any], language: str, sink: Sink, engine: sa.Engine, progress: Progress
) -> int:
    """Writes the document; returns how many bookings its figures were made from."""
    press = Press(language)
    with snapshot(engine) as connection:
        totals = revenue.by_currency(connection, filters)
        count = sum(total.bookings for total in totals)
        progress(0, count)
        sections = []
        for total in totals:
            sections.append(_section(connection, filters, total))
            progress(sum(section["total"].bookings for section in sections), count)
        about = described(press, connection, filters)
    document = press.lay_out(
        "pdf/revenue.html",
        title=title(press, lambda: gettext("Revenue report")),
        about=about,
        made=press.moment(),
        count=count,
        sections=sections,
    )
    sink.write(document.write_pdf())
    return count


def _section(connection: sa.Connection, filters: Mapping[str, Any], total: revenue.Total) -> dict[str, Any]:
    best = revenue.by_tour(connection, filters, total.name, BEST)
    return {
        "currency": total.name,
        "total": total,
        "by_status": revenue.by_status(connection, filters, total.name),
        "over_time": plots.over_time(revenue.by_day(connection, filters, total.name)),
        "by_tour": plots.by_name([(tour.name, tour.revenue) for tour in best]),
        "best": best,
    }
