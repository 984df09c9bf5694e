"""Filters as conditions of a query; they name columns of bookings and of users, never a value from outside as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.models import REVENUE_STATUSES, STATUSES, Booking, User, local_midnight

Conditions = list[sa.ColumnElement[bool]]
_NO_REVENUE = tuple(status for status in STATUSES if status not in REVENUE_STATUSES)


def of_bookings(filters: Mapping[str, Any]) -> Conditions:
    """What a booking has to fulfil."""
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
    """What a booking has to fulfil to count as revenue."""
    if "status" in filters:
        return of_bookings(filters)
    # Said by what does not count: most bookings do, and SQLite would fetch each of them by the index of statuses.
    return [Booking.status.not_in(_NO_REVENUE), *of_bookings(filters)]


def of_users(filters: Mapping[str, Any]) -> Conditions:
    """What an account has to fulfil."""
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
