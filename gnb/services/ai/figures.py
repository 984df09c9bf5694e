"""The figures of a selection of bookings, from SQL: what an insight may speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gnb.models import REVENUE_STATUSES, Booking, Tour
from gnb.services.exports import selection

TOP = 3


@dataclass(frozen=True)
class Figure:
    """One figure: its code, the name of what it counts where there are several, its value, and how that is written."""

    code: str
    name: str
    value: float
    text: str

    @property
    def key(self) -> str:
        """What an insight names it by."""
        return f"{self.code}:{self.name}" if self.name else self.code


def figures(connection: sa.Connection, filters: Mapping[str, Any]) -> list[Figure]:
    """Bookings, guests, cancellations, revenue by currency, the best tours, the busiest day and month."""
    conditions = selection.of_bookings(filters)
    totals = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(Booking.guests), 0),
            sa.func.coalesce(sa.func.sum(sa.case((Booking.status == "cancelled", 1), else_=0)), 0),
            sa.func.coalesce(sa.func.avg(sa.case((Booking.user_id.is_not(None), 100.0), else_=0.0)), 0),
        )
        .select_from(Booking)
        .where(*conditions)
    ).one()
    count, guests, cancelled, with_account = totals
    found = [Figure("bookings", "", count, f"{count:,}")]
    if not count:
        return found
    found += [
        Figure("guests", "", int(guests), f"{int(guests):,}"),
        _percent("cancelled", 100 * int(cancelled) / count),
        _percent("with-account", float(with_account)),
    ]
    return found + _revenue(connection, filters) + _best_tours(connection, filters) + _busiest(connection, filters)


def _percent(code: str, value: float) -> Figure:
    return Figure(code, "", round(value, 1), f"{value:.1f}%")


def _revenue(connection: sa.Connection, filters: Mapping[str, Any]) -> list[Figure]:
    rows = connection.execute(
        sa.select(Booking.currency, sa.func.sum(Booking.amount), sa.func.count())
        .where(*selection.of_bookings(filters), Booking.status.in_(REVENUE_STATUSES))
        .group_by(Booking.currency)
        .order_by(Booking.currency)
    )
    found = []
    for currency, total, count in rows:
        average = float(total) / count
        found.append(Figure("revenue", currency, float(total), f"{float(total):,.2f} {currency}"))
        found.append(Figure("average", currency, round(average, 2), f"{average:,.2f} {currency}"))
    return found


def _best_tours(connection: sa.Connection, filters: Mapping[str, Any]) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Tour.name, number)
        .join(Booking, Booking.tour_id == Tour.id)
        .where(*selection.of_bookings(filters), Booking.status != "cancelled")
        .group_by(Tour.id, Tour.name)
        .order_by(number.desc(), Tour.name)
        .limit(TOP)
    )
    return [Figure("tour", name, count, f"{count:,}") for name, count in rows]


def _busiest(connection: sa.Connection, filters: Mapping[str, Any]) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Booking.travel_date, number)
        .where(*selection.of_bookings(filters), Booking.status != "cancelled")
        .group_by(Booking.travel_date)
        .order_by(number.desc(), Booking.travel_date)
        .limit(1)
    )
    return [Figure("busiest-day", day.isoformat(), count, f"{count:,}") for day, count in rows]
