"""Seats of a tour on a day, taken and returned by single statements, so that no seat is sold twice.

The row of a day is created with its first booking, including the seats of existing bookings; a check constraint
prevents overselling. Tours without `daily_seats` are not counted.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gnb.extensions import db
from gnb.models import Booking, Departure, Tour, execute_count
from gnb.services.bookings import SoldOut


def seats_left(tour: Tour, day: date) -> int | None:
    """Return the number of seats on sale on that day; None if seats are not counted."""
    if tour.daily_seats is None:
        return None
    query = sa.select(Departure.seats - Departure.seats_taken)
    left = db.session.scalar(query.where(Departure.tour_id == tour.id, Departure.departs_on == day))
    return tour.daily_seats if left is None else left


def take(tour: Tour, day: date, count: int) -> None:
    """Take seats, in the caller's transaction. Raises SoldOut."""
    if tour.daily_seats is None or _add(tour.id, day, count):
        return
    _make_row(tour, day)
    if not _add(tour.id, day, count):
        raise SoldOut(max(seats_left(tour, day) or 0, 0))


def release(tour_id: int, day: date, count: int) -> None:
    """Put seats back on sale, in the caller's transaction."""
    left = Departure.seats_taken - count
    _change(tour_id, day, sa.true(), sa.case((left > 0, left), else_=0))


def apply_daily_seats(tour: Tour, today: date) -> None:
    """Apply a tour's new `daily_seats` to future days, in the caller's transaction; sold seats stay sold."""
    coming = sa.and_(Departure.tour_id == tour.id, Departure.departs_on >= today)
    if tour.daily_seats is None:
        db.session.execute(sa.delete(Departure).where(coming))
        return
    seats = sa.case((Departure.seats_taken > tour.daily_seats, Departure.seats_taken), else_=tour.daily_seats)
    statement = sa.update(Departure).where(coming).values(seats=seats)
    db.session.execute(statement.execution_options(synchronize_session=False))


def _add(tour_id: int, day: date, count: int) -> bool:
    fits = Departure.seats_taken + count <= Departure.seats
    return _change(tour_id, day, fits, Departure.seats_taken + count)


def _change(tour_id: int, day: date, condition: sa.ColumnElement[bool], taken: Any) -> bool:
    day_row = sa.and_(Departure.tour_id == tour_id, Departure.departs_on == day, condition)
    return execute_count(sa.update(Departure).where(day_row).values(seats_taken=taken)) == 1


def _make_row(tour: Tour, day: date) -> None:
    """Insert the row of a day unless it exists."""
    sold = (
        sa.select(sa.func.coalesce(sa.func.sum(Booking.guests), 0))
        .where(Booking.tour_id == tour.id, Booking.travel_date == day, Booking.status != "cancelled")
        .scalar_subquery()
    )
    taken = db.session.scalar(sa.select(sold)) or 0
    dialect: Any = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    row = {"tour_id": tour.id, "departs_on": day, "seats": max(tour.daily_seats or 0, taken), "seats_taken": taken}
    statement = dialect.insert(Departure).values(row)
    db.session.execute(statement.on_conflict_do_nothing(index_elements=["tour_id", "departs_on"]))
