"""The one definition of revenue, which exports, reports and insights share.

Revenue is the sum of the amounts of confirmed, paid and completed bookings, extras included, dated by the day of the
pickup in Istanbul. The database adds it up, exact to the cent, because amounts are whole minor units there. Currencies
are never added to one another: every figure here is of one currency. Where rows of several may stand together, a tour
sold in another currency than `HOUSE_CURRENCY` says so in its name (`Cappadocia by balloon (USD)`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from gnb.models import Booking, Money, Tour
from gnb.services.exports.filters import revenue_conditions

HOUSE_CURRENCY = "EUR"
_SUM = sa.cast(sa.func.sum(Booking.amount), sa.BigInteger)


def amount_sum() -> sa.ColumnElement[Decimal]:
    """Return the sum of the bookings' amounts as a Decimal."""
    return sa.type_coerce(_SUM, Money())


_BOOKINGS = sa.func.count().label("bookings")
_REVENUE = amount_sum().label("revenue")
# The mean, rounded half up to the cent, by whole numbers alone.
_AVERAGE = sa.type_coerce((2 * _SUM + sa.func.count()) // (2 * sa.func.count()), Money()).label("average")


@dataclass(frozen=True)
class Total:
    """Bookings and revenue of one thing: a currency, a tour, a day or a month."""

    name: str
    bookings: int
    revenue: Decimal
    average: Decimal


def by_day_and_tour(filters: Mapping[str, Any]) -> sa.Select[Any]:
    """Return a query for `day, tour, bookings, revenue, average`, a row for each day, tour and currency."""
    name = sa.case((Booking.currency == HOUSE_CURRENCY, Tour.name), else_=Tour.name + " (" + Booking.currency + ")")
    return (
        sa.select(Booking.travel_date.label("day"), name.label("tour"), _BOOKINGS, _REVENUE, _AVERAGE)
        .join(Tour, Tour.id == Booking.tour_id)
        .where(*revenue_conditions(filters))
        .group_by(Booking.travel_date, Booking.tour_id, Tour.name, Booking.currency)
    )


def by_currency(connection: sa.Connection, filters: Mapping[str, Any]) -> list[Total]:
    """Return the total of each currency, the one with most bookings first."""
    query = _totals(Booking.currency, filters).group_by(Booking.currency)
    return _read(connection, query.order_by(sa.desc("bookings"), Booking.currency))


def by_tour(connection: sa.Connection, filters: Mapping[str, Any], currency: str, limit: int) -> list[Total]:
    """Return the tours with the highest revenue in the currency, highest first."""
    query = _totals(Tour.name, filters, currency).join(Tour, Tour.id == Booking.tour_id)
    query = query.group_by(Booking.tour_id, Tour.name)
    return _read(connection, query.order_by(sa.desc("revenue"), Tour.name, Booking.tour_id).limit(limit))


def most_booked_tours(filters: Mapping[str, Any], limit: int) -> sa.Select[str, dict[str, str], str, int, Decimal]:
    """Return a query for `name, titles, currency, bookings, revenue` of the tours with the most bookings."""
    return (
        sa.select(Tour.name, Tour.titles, Booking.currency, _BOOKINGS, _REVENUE)
        .join(Tour, Tour.id == Booking.tour_id)
        .where(*revenue_conditions(filters))
        .group_by(Tour.id, Tour.name, Booking.currency)
        .order_by(sa.desc("bookings"), sa.desc("revenue"), Tour.name)
        .limit(limit)
    )


def by_status(connection: sa.Connection, filters: Mapping[str, Any], currency: str) -> list[Total]:
    """Return the total of each status in the currency, highest first."""
    query = _totals(Booking.status, filters, currency).group_by(Booking.status)
    return _read(connection, query.order_by(sa.desc("revenue")))


def by_day(connection: sa.Connection, filters: Mapping[str, Any], currency: str) -> list[tuple[date, Decimal]]:
    """Return the revenue of each day that has any, in order."""
    query = (
        sa.select(Booking.travel_date, _REVENUE)
        .where(*revenue_conditions(filters), Booking.currency == currency)
        .group_by(Booking.travel_date)
        .order_by(Booking.travel_date)
    )
    return [(row.travel_date, row.revenue) for row in connection.execute(query)]


def _totals(name: Any, filters: Mapping[str, Any], currency: str | None = None) -> sa.Select[Any]:
    conditions = revenue_conditions(filters)
    if currency is not None:
        conditions.append(Booking.currency == currency)
    return sa.select(name.label("name"), _BOOKINGS, _REVENUE, _AVERAGE).select_from(Booking).where(*conditions)


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[Total]:
    return [Total(*row) for row in connection.execute(query)]
