"""Bookings for staff: those that an export with the same filters would hold, newest first, and one with all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from gnb.extensions import db
from gnb.models import Booking
from gnb.services.bookings.errors import BookingNotFound
from gnb.services.exports import selection

LONGEST_SEARCH = 200
_LARGEST_ID = 2**63 - 1


def find_bookings(
    filters: Mapping[str, Any], text: str | None = None, start: int = 0, end: int = 25
) -> tuple[list[Booking], int]:
    """The bookings from `start` up to, not including, `end`, the newest first, and how many match in all.

    `filters` as `exports.filters` loads them; `text` is a reference, its beginning, or a part of the customer's name.
    """
    conditions = selection.of_bookings(filters)
    if text and (wanted := text.replace("\x00", "").strip()[:LONGEST_SEARCH]):
        # SQLite knows capitals of English letters alone: the others are looked for in each form that a name may have.
        forms = {wanted, wanted.lower(), wanted.upper(), wanted.title()} if not wanted.isascii() else {wanted}
        by_name = [Booking.customer_name.icontains(form, autoescape=True) for form in sorted(forms)]
        conditions.append(sa.or_(Booking.reference.startswith(wanted.upper(), autoescape=True), *by_name))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(Booking).where(*conditions)) or 0
    query = sa.select(Booking).where(*conditions).options(joinedload(Booking.tour)).order_by(Booking.id.desc())
    return list(db.session.scalars(query.slice(start, end))), total


def booking_of_id(booking_id: int) -> Booking:
    """The booking. Raises BookingNotFound."""
    booking = db.session.get(Booking, booking_id) if booking_id <= _LARGEST_ID else None
    if booking is None:
        raise BookingNotFound
    return booking
