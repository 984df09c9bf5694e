"""Transfers that the business has driven: what the delay model learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gnb.models import HOME_ZONE, Booking, Tour

MOST_TRIPS = 40_000
"""The newest so many are learned from: enough for every route, and fitted in seconds."""

LONGEST_DELAY = 24 * 60.0
"""Minutes: more than this against the plan is a mistake in the records."""


@dataclass(frozen=True)
class Trip:
    """What a delay may depend on. `pickup` is the planned one, in Europe/Istanbul; `area` is whose traffic counts."""

    area: str
    airport: str
    town: str
    kilometres: float
    pickup: datetime

    @property
    def route(self) -> str:
        """The road, whichever way it is driven."""
        return f"{self.airport} – {self.town}"


@dataclass(frozen=True)
class FinishedTrip(Trip):
    """A trip that is over: `delay` is in minutes after the planned arrival, negative when it was early."""

    delay: float


def finished_trips(connection: sa.Connection, before: datetime | None = None) -> list[FinishedTrip]:
    """The newest transfers with a planned and an actual arrival, oldest first."""
    query = (
        sa.select(
            Tour.city,
            Tour.airport,
            sa.case((Tour.origin == Tour.airport, Tour.destination), else_=Tour.origin).label("town"),
            Tour.distance_km,
            Booking.pickup_at,
            Booking.arrival_at,
            Booking.actual_arrival_at,
        )
        .join(Tour, Tour.id == Booking.tour_id)
        .where(
            Booking.status == "completed",
            Booking.actual_arrival_at.is_not(None),
            Booking.arrival_at.is_not(None),
            Tour.airport.is_not(None),
            Tour.distance_km > 0,
        )
        .order_by(Booking.pickup_at.desc(), Booking.id)
        .limit(MOST_TRIPS)
    )
    if before is not None:
        query = query.where(Booking.pickup_at < before)
    return list(_trips(connection.execute(query)))[::-1]


def _trips(rows: sa.CursorResult[tuple[str, str, str, int, datetime, datetime, datetime]]) -> Iterator[FinishedTrip]:
    for row in rows:
        delay = (row.actual_arrival_at - row.arrival_at).total_seconds() / 60
        if abs(delay) <= LONGEST_DELAY:
            pickup = row.pickup_at.astimezone(HOME_ZONE)
            yield FinishedTrip(row.city, row.airport, row.town, float(row.distance_km), pickup, delay)
