"""Which bookings of a day are not paid yet."""

from collections.abc import Iterator
from datetime import date

import sqlalchemy as sa

from gnb.models import Booking, db


def unpaid_bookings(day: date) -> Iterator[Booking]:
    """Return the bookings of the day that are not paid yet, by reference."""
    wanted = sa.select(Booking).where(Booking.travel_date == day, Booking.status.in_(("pending", "confirmed")))
    return iter(db.session.scalars(wanted.order_by(Booking.reference)))
