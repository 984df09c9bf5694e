"""Finished transfers, from which the delay model learns, and the influences on their delay as factors.

The mean lateness of a trip is a base times one factor per influence: its area, the hour there, the weekday, the month
there, the distance and the route. The factor of a level with n trips is

    (sum of lateness / what the other factors expect + k) / (n + k)

which is the posterior mean for gamma-distributed lateness with k pseudo-trips that are as expected (Bühlmann's
credibility). All factors are fitted in turn until they converge. A level without trips has the factor 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
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
    """The features of a trip. `pickup` is the planned time in Europe/Istanbul; `area` is the city whose traffic
    matters."""

    area: str
    airport: str
    town: str
    kilometres: float
    pickup: datetime

    @property
    def route(self) -> str:
        """The road, in either direction."""
        return f"{self.airport} – {self.town}"


@dataclass(frozen=True)
class FinishedTrip(Trip):
    """A finished trip; `delay` is in minutes after the planned arrival, negative if early."""

    delay: float


def finished_trips(connection: sa.Connection, before: datetime | None = None) -> list[FinishedTrip]:
    """Return the newest transfers with a planned and an actual arrival, oldest first."""
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


SWEEPS = 8
Level = str


@dataclass(frozen=True)
class Influence:
    """One influence on the delay: its name, a function that returns a trip's level, and the number of pseudo-trips
    k."""

    name: str
    level: Callable[[Trip], Level]
    imagined: float


def daypart(hour: int) -> str:
    """Return the part of the day, whose hours have similar traffic."""
    for name, hours in DAYPARTS.items():
        if hour in hours:
            return name
    return "day"


DAYPARTS = {"night": range(6), "dawn": range(6, 7), "morning": range(7, 10), "evening": range(16, 20)}
_DISTANCES = (20, 30, 40, 55, 75, 100, 140, 200)

INFLUENCES = (
    Influence("area", lambda trip: trip.area, 10),
    Influence("hour", lambda trip: f"{trip.pickup.hour:02d}", 20),
    Influence("daypart", lambda trip: f"{trip.area} {daypart(trip.pickup.hour)}", 30),
    Influence("weekday", lambda trip: str(trip.pickup.isoweekday()), 30),
    Influence("weekday part", lambda trip: f"{trip.pickup.isoweekday()} {daypart(trip.pickup.hour)}", 40),
    Influence("month", lambda trip: f"{trip.area} {trip.pickup.month:02d}", 30),
    Influence("distance", lambda trip: f"{distance_band(trip.kilometres)}", 20),
    Influence("route", lambda trip: trip.route, 20),
)


def distance_band(kilometres: float) -> int:
    """Return the lower end, in kilometres, of the range that contains a distance."""
    return max((low for low in _DISTANCES if low <= kilometres), default=0)


Factors = dict[str, dict[Level, float]]
"""For each influence, the factor of each level seen."""


def levels_of(trip: Trip) -> dict[str, Level]:
    """Return the trip's level of each influence."""
    return {influence.name: influence.level(trip) for influence in INFLUENCES}


def fit(trips: Sequence[Trip], lateness: Sequence[float]) -> tuple[float, Factors, list[float]]:
    """Fit the base and the factors; return them and the lateness they expect of each trip. Needs at least one trip."""
    base = sum(lateness) / len(lateness)
    expected = [base] * len(trips)
    factors: Factors = {}
    levels = {influence.name: [influence.level(trip) for trip in trips] for influence in INFLUENCES}
    for _ in range(SWEEPS):
        for influence in INFLUENCES:
            own = levels[influence.name]
            before = factors.get(influence.name, {})
            rest = [mean / before.get(level, 1.0) for mean, level in zip(expected, own, strict=True)]
            factors[influence.name] = after = _credible(own, lateness, rest, influence.imagined)
            expected = [mean * after[level] for mean, level in zip(rest, own, strict=True)]
        drift = sum(lateness) / sum(expected)
        base *= drift
        expected = [mean * drift for mean in expected]
    return base, factors, expected


def _credible(
    levels: Sequence[Level], lateness: Sequence[float], rest: Sequence[float], imagined: float
) -> dict[Level, float]:
    ratios: dict[Level, float] = defaultdict(float)
    counts: dict[Level, int] = defaultdict(int)
    for level, late, mean in zip(levels, lateness, rest, strict=True):
        ratios[level] += late / mean
        counts[level] += 1
    return {level: (ratios[level] + imagined) / (counts[level] + imagined) for level in counts}
