"""PDF documents: the list of bookings, the revenue report, and the drivers' list of a day.

WeasyPrint keeps everything that it lays out in memory: 5,000 rows at once take more than a gigabyte. The list of
bookings is therefore rendered in slices of some pages. The rows of a slice's last page, which is seldom full, are moved
to the next slice, so that the pages are the same as those of a single layout.

Every figure of the revenue report is summed by the database; each currency has a section of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Any

import sqlalchemy as sa
from babel.dates import format_date
from flask_babel import force_locale, gettext

from gnb.models import Booking, Tour
from gnb.services.bookings.transfers import Transfer
from gnb.services.exports import revenue
from gnb.services.exports.csv_export import Sink
from gnb.services.exports.filters import booking_conditions, snapshot
from gnb.services.exports.pdf_join import PdfJoin
from gnb.services.exports.pdf_renderer import PdfRenderer, bars_by_name, bars_over_time, describe_filters
from gnb.services.queue_service import Progress

SLICE = 160
"""Rows rendered at once: about twelve pages."""

TEMPLATE = "pdf/bookings.html"
TOP_TOURS = 10


def write_bookings_pdf(
    filters: Mapping[str, Any], language: str, sink: Sink, engine: sa.Engine, progress: Progress
) -> int:
    """Write the list of bookings and return how many it contains."""
    renderer = PdfRenderer(language)
    with snapshot(engine) as connection:
        total = connection.scalar(sa.select(sa.func.count()).select_from(Booking).where(*booking_conditions(filters)))
        progress(0, total or 0)
        head = heading(renderer, connection, filters, total or 0)
        join = PdfJoin(sink, head["title"], renderer.language)
        done = 0
        with _manual_garbage_collection():
            for done, pdf in _slices(renderer, head, bookings(connection, filters)):
                join.add(pdf)
                progress(done, total or 0)
        join.finish()
    return done


def bookings(connection: sa.Connection, filters: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the selected bookings in the order of their pickups."""
    query = (
        sa.select(
            Booking.id,
            Booking.customer_name,
            Booking.customer_email,
            Tour.name.label("tour"),
            Booking.pickup_at,
            Booking.guests.label("guests"),
            Booking.amount,
            Booking.currency,
            Booking.status,
            Booking.payment_method,
        )
        .join(Tour, Tour.id == Booking.tour_id)
        .where(*booking_conditions(filters))
        .order_by(Booking.pickup_at, Booking.id)
    )
    yield from connection.execution_options(yield_per=SLICE).execute(query)


def heading(renderer: PdfRenderer, connection: sa.Connection, filters: Mapping[str, Any], total: int) -> dict[str, Any]:
    """Return the values of the block above the list."""
    with force_locale(renderer.language):
        title = gettext("Bookings")
    return {
        "title": title,
        "about": describe_filters(renderer, connection, filters),
        "made": renderer.moment(),
        "total": total,
    }


def _slices(renderer: PdfRenderer, head: dict[str, Any], rows: Iterator[Any]) -> Iterator[tuple[int, bytes]]:
    """Yield PDFs of whole pages, each with the number of rows rendered so far."""
    pending = list(islice(rows, SLICE))
    done, first = 0, True
    while pending or first:
        following = list(islice(rows, SLICE))
        document = renderer.render(TEMPLATE, head=head if first else None, rows=pending)
        kept = _rows_before_last_page(document) if following else 0
        done, first = done + (kept or len(pending)), False
        yield done, document.copy(document.pages[:-1] if kept else document.pages).write_pdf()
        pending = (pending[kept:] if kept else []) + following
        del document
        gc.collect()


@contextmanager
def _manual_garbage_collection() -> Iterator[None]:
    """Disable automatic garbage collection and exclude existing objects from `gc.collect()`.

    A layout consists of reference cycles that are freed only with its slice; automatic collection would take an eighth
    of the time and free nothing.
    """
    was_enabled, was_frozen = gc.isenabled(), gc.get_freeze_count() > 0
    gc.disable()
    if not was_frozen:
        gc.collect()
        gc.freeze()
    try:
        yield
    finally:
        if not was_frozen:
            gc.unfreeze()
        if was_enabled:
            gc.enable()


def _rows_before_last_page(document: Any) -> int:
    """Return the number of rows on all pages but the last."""
    starts = [int(name.removeprefix("row-")) for name in document.pages[-1].anchors if name.startswith("row-")]
    return min(starts, default=0)


MOST_TRANSFERS = 400
"""On one list; a day with more is printed from an export."""


def transfers_pdf(transfers: Sequence[Transfer], day: date, language: str) -> bytes:
    """Return the list of a day's transfers for the drivers, by pickup time."""
    renderer = PdfRenderer(language)
    with force_locale(renderer.language):
        title = gettext("Transfers on %(day)s", day=format_date(day, "EEEE, d MMMM y", locale=renderer.language))
    rows = [transfer.booking for transfer in transfers[:MOST_TRANSFERS]]
    document = renderer.render("pdf/transfers.html", title=title, rows=rows, made=renderer.moment())
    whole: bytes = document.write_pdf()
    return whole


def write_revenue_pdf(
    filters: Mapping[str, Any], language: str, sink: Sink, engine: sa.Engine, progress: Progress
) -> int:
    """Write the revenue report and return how many bookings its figures include."""
    renderer = PdfRenderer(language)
    with snapshot(engine) as connection:
        totals = revenue.by_currency(connection, filters)
        count = sum(total.bookings for total in totals)
        progress(0, count)
        sections = []
        for total in totals:
            sections.append(_section(connection, filters, total))
            progress(sum(section["total"].bookings for section in sections), count)
        about = describe_filters(renderer, connection, filters)
    with force_locale(renderer.language):
        title = gettext("Revenue report")
    document = renderer.render(
        "pdf/revenue.html",
        title=title,
        about=about,
        made=renderer.moment(),
        count=count,
        sections=sections,
    )
    sink.write(document.write_pdf())
    return count


def _section(connection: sa.Connection, filters: Mapping[str, Any], total: revenue.Total) -> dict[str, Any]:
    best = revenue.by_tour(connection, filters, total.name, TOP_TOURS)
    return {
        "currency": total.name,
        "total": total,
        "by_status": revenue.by_status(connection, filters, total.name),
        "over_time": bars_over_time(revenue.by_day(connection, filters, total.name)),
        "by_tour": bars_by_name([(tour.name, tour.revenue) for tour in best]),
        "best": best,
    }
