"""Which rows an export reads: filters as conditions of a query, and a snapshot to run the queries in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.models import REVENUE_STATUSES, STATUSES, Booking, User, local_midnight

Conditions = list[sa.ColumnElement[bool]]
_NO_REVENUE = tuple(status for status in STATUSES if status not in REVENUE_STATUSES)


def of_bookings(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select bookings."""
    conditions: Conditions = []
    for name, column in (
        ("status", Booking.status),
        ("payment_method", Booking.payment_method),
        ("language", Booking.language),
        ("currency", Booking.currency),
    ):
        if name in filters:
            conditions.append(column.in_(filters[name]))
    if "tour" in filters:
        conditions.append(Booking.tour_id == filters["tour"])
    if "start_date" in filters:
        conditions.append(Booking.travel_date >= filters["start_date"])
    if "end_date" in filters:
        conditions.append(Booking.travel_date <= filters["end_date"])
    return conditions


def of_revenue(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select, of the bookings that the filters select, those that count as revenue."""
    # NOT IN, because most bookings count, and SQLite would read each of them through the index of statuses.
    return [Booking.status.not_in(_NO_REVENUE), *of_bookings(filters)]


def of_users(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select accounts."""
    conditions: Conditions = []
    if "role" in filters:
        conditions.append(User.role.in_(filters["role"]))
    if "language" in filters:
        conditions.append(User.language.in_(filters["language"]))
    if "start_date" in filters:
        conditions.append(User.created_at >= local_midnight(filters["start_date"]))
    if filters.get("end_date", date.max) < date.max:
        conditions.append(User.created_at < local_midnight(filters["end_date"] + timedelta(days=1)))
    return conditions


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a read-only connection whose queries all read the same state of the database.

    SQLite's driver starts no transaction for a SELECT by itself, so each query would read a state of its own.
    """
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            # Just-in-time compilation costs more than it gains for rows that are only copied.
            connection.exec_driver_sql("SET LOCAL jit = off")
            yield connection
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()
