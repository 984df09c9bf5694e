"""The list of bookings as a PDF: every one asked for, laid out in slices so that memory does not grow with them.

WeasyPrint holds the whole of what it lays out: 5,000 rows at once take over half a gigabyte. So some pages' worth of
rows are laid out at a time. The last page of a slice is seldom full: its rows go into the next slice, and the pages
follow one another as if they had been laid out at once.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext

from gnb.models import Booking, Tour
from gnb.services.exports import selection
from gnb.services.exports.csv_file import Progress, Sink
from gnb.services.exports.pdf_join import PdfJoin
from gnb.services.exports.pdf_pages import Press
from gnb.services.exports.pdf_words import described, title
from gnb.services.exports.snapshot import snapshot

SLICE = 160
"""Rows laid out at once: some twelve pages."""

TEMPLATE = "pdf/bookings.html"


def write_bookings_pdf(
    filters: Mapping[str, Any], language: str, sink: Sink, engine: sa.Engine, progress: Progress
) -> int:
    """Writes the document; returns how many bookings it lists."""
    press = Press(language)
    with snapshot(engine) as connection:
        total = connection.scalar(
            sa.select(sa.func.count()).select_from(Booking).where(*selection.of_bookings(filters))
        )
        progress(0, total or 0)
        head = heading(press, connection, filters, total or 0)
        join = PdfJoin(sink, head["title"], press.language)
        done = 0
        with _collecting_by_hand():
            for done, pdf in _slices(press, head, bookings(connection, filters)):
                join.add(pdf)
                progress(done, total or 0)
        join.finish()
    return done


def bookings(connection: sa.Connection, filters: Mapping[str, Any]) -> Iterator[Any]:
    """The bookings asked for, in the order of their pickups, read as they are needed."""
    query = (
        sa.select(
            Booking.id,
            Booking.customer_name,
            Booking.customer_email,
            Tour.name.label("tour"),
            Booking.travel_date,
            Booking.guests.label("guests"),
            Booking.amount,
            Booking.currency,
            Booking.status,
            Booking.payment_method,
        )
        .join(Tour, Tour.id == Booking.tour_id)
        .where(*selection.of_bookings(filters))
        .order_by(Booking.pickup_at, Booking.id)
    )
    yield from connection.execution_options(yield_per=SLICE).execute(query)


def heading(press: Press, connection: sa.Connection, filters: Mapping[str, Any], total: int) -> dict[str, Any]:
    """What stands above the list."""
    return {
        "title": title(press, lambda: gettext("Bookings")),
        "about": described(press, connection, filters),
        "made": press.moment(),
        "total": total,
    }


def _slices(press: Press, head: dict[str, Any], rows: Iterator[Any]) -> Iterator[tuple[int, bytes]]:
    """PDFs of whole pages one after another, and how many rows are done with each."""
    pending = list(islice(rows, SLICE))
    done, first = 0, True
    while pending or first:
        following = list(islice(rows, SLICE))
        document = press.lay_out(TEMPLATE, head=head if first else None, rows=pending)
        kept = _rows_before_last_page(document) if following else 0
        done, first = done + (kept or len(pending)), False
        yield done, document.copy(document.pages[:-1] if kept else document.pages).write_pdf()
        pending = (pending[kept:] if kept else []) + following
        del document
        gc.collect()


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """Leaves garbage to `gc.collect()`, for which what is there already is no longer looked through.

    A layout is full of cycles, all of which die with its slice: looking for them any earlier costs an eighth of the
    time, and finds nothing.
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
    """How many rows stand on all pages but the last; 0 if none do."""
    starts = [int(name.removeprefix("row-")) for name in document.pages[-1].anchors if name.startswith("row-")]
    return min(starts, default=0)
