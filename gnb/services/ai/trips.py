"""Finished transfers, from which the delay model learns, and the influences on their delay as factors.

The mean lateness of a trip is a base times one factor per influence: its area, the hour, the part of the day there,
the weekday, the part of that weekday, the month there, the distance and the route. The factor of a level with n trips
is

    (sum of lateness / what the other factors expect + k) / (n + k)

which is the posterior mean for gamma-distributed lateness with k pseudo-trips that are as expected (Bühlmann's
credibility). All factors are fitted in turn until they converge. A level without trips has the factor 1.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.messages import DomainError, Message
from gnb.models import HOME_ZONE, Booking, PastTrip, Tour, User, now
from gnb.services import audit

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
    """Return the newest transfers with a planned and an actual arrival, imported ones included, oldest first."""
    driven, imported = (
        sa.select(table.id, table.tour_id, table.pickup_at, table.arrival_at, table.actual_arrival_at)
        for table in (Booking, PastTrip)
    )
    finished = driven.where(
        Booking.status != "cancelled", Booking.actual_arrival_at.is_not(None), Booking.arrival_at.is_not(None)
    )
    trips = sa.union_all(finished, imported).subquery()
    query = (
        sa.select(
            Tour.city,
            Tour.airport,
            sa.case((Tour.origin == Tour.airport, Tour.destination), else_=Tour.origin).label("town"),
            Tour.distance_km,
            trips.c.pickup_at,
            trips.c.arrival_at,
            trips.c.actual_arrival_at,
        )
        .join(Tour, Tour.id == trips.c.tour_id)
        .where(Tour.airport.is_not(None), Tour.distance_km > 0)
        .order_by(trips.c.pickup_at.desc(), trips.c.id)
        .limit(MOST_TRIPS)
    )
    if before is not None:
        query = query.where(trips.c.pickup_at < before)
    return list(_trips(connection.execute(query)))[::-1]


def _trips(rows: sa.CursorResult[tuple[str, str, str, int, datetime, datetime, datetime]]) -> Iterator[FinishedTrip]:
    for row in rows:
        delay = (row.actual_arrival_at - row.arrival_at).total_seconds() / 60
        if abs(delay) <= LONGEST_DELAY:
            pickup = row.pickup_at.astimezone(HOME_ZONE)
            yield FinishedTrip(row.city, row.airport, row.town, float(row.distance_km), pickup, delay)


MOST_LINES = 20_000
COLUMNS = ("Tour", "Pickup", "Planned arrival", "Arrived")
"""The columns of an imported file; the planned arrival may be empty or left out."""


class InvalidTrips(DomainError):
    """A file of past trips was rejected; `lines` has the number and message of each bad line."""

    code = "invalid_trips"

    def __init__(self, reason: str, lines: Sequence[tuple[int, Message]] = (), **params: Any) -> None:
        super().__init__(reason, **params)
        self.lines = lines


def import_trips(content: bytes, actor: User | None = None) -> int:
    """Add the past trips of a CSV file for the delay model: all of them or none. Commits and returns their number.

    A line names the tour by its slug, and times of Europe/Istanbul such as `2026-05-01 14:30`, or with an offset.
    Without a planned arrival the tour's duration is added to the pickup.

    Raises InvalidTrips.
    """
    rows, errors = _rows(content), []
    tours = {tour.slug: tour for tour in db.session.scalars(sa.select(Tour))}
    known = {tuple(row) for row in db.session.execute(_TRIP_KEYS)}
    trips = []
    for number, row in rows:
        try:
            trip = _past_trip(row, tours)
            key = (trip.tour_id, trip.pickup_at, trip.actual_arrival_at)
            if key in known:
                raise InvalidTrips("twice")
            known.add(key)
            trips.append(trip)
        except InvalidTrips as error:
            errors.append((number, error.message))
    if errors:
        raise InvalidTrips("lines", errors, num=len(errors))
    if not trips:
        raise InvalidTrips("empty")
    db.session.add_all(trips)
    audit.record(actor, "booking.import-trips", "past-trips", count=len(trips))
    db.session.commit()
    return len(trips)


_TRIP_KEYS = sa.select(PastTrip.tour_id, PastTrip.pickup_at, PastTrip.actual_arrival_at)


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """Return each line's number and its values by column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidTrips("encoding") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        reader.fieldnames = [name.strip().capitalize() for name in reader.fieldnames or ()]
        if missing := [name for name in ("Tour", "Pickup", "Arrived") if name not in reader.fieldnames]:
            raise InvalidTrips("columns", columns=missing)
        rows = [(reader.line_num, row) for row in islice(reader, MOST_LINES + 1)]
    except csv.Error as error:
        raise InvalidTrips("csv", line=reader.line_num, what=str(error)) from None
    if len(rows) > MOST_LINES:
        raise InvalidTrips("long", most=MOST_LINES)
    return rows


def _past_trip(row: Mapping[str, str | None], tours: Mapping[str, Tour]) -> PastTrip:
    """Return the trip of a line. Raises InvalidTrips with what is wrong with it."""
    slug = (row.get("Tour") or "").strip()
    tour = tours.get(slug)
    if tour is None:
        raise InvalidTrips("tour", value=slug[:100])
    if not tour.airport or not tour.distance_km:
        raise InvalidTrips("no_road", value=slug)
    pickup, arrived = _moment(row, "Pickup"), _moment(row, "Arrived")
    planned = pickup + timedelta(minutes=tour.duration_minutes)
    if (row.get("Planned arrival") or "").strip():
        planned = _moment(row, "Planned arrival")
    if planned <= pickup or arrived <= pickup:
        raise InvalidTrips("order")
    if arrived > now():
        raise InvalidTrips("future")
    if abs((arrived - planned).total_seconds()) / 60 > LONGEST_DELAY:
        raise InvalidTrips("delay")
    return PastTrip(tour_id=tour.id, pickup_at=pickup, arrival_at=planned, actual_arrival_at=arrived)


def _moment(row: Mapping[str, str | None], column: str) -> datetime:
    text = (row.get(column) or "").strip()
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=HOME_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidTrips("time", column=column, value=text[:40]) from None


SWEEPS = 8
Level = str


@dataclass(frozen=True)
class Influence:
    """One influence on the delay: its name, a function that returns a trip's level, and the number of pseudo-trips
    k."""

    name: str
    level: Callable[[Trip], Level]
    pseudo_trips: float


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
            factors[influence.name] = after = _credible(own, lateness, rest, influence.pseudo_trips)
            expected = [mean * after[level] for mean, level in zip(rest, own, strict=True)]
        drift = sum(lateness) / sum(expected)
        base *= drift
        expected = [mean * drift for mean in expected]
    return base, factors, expected


def _credible(
    levels: Sequence[Level], lateness: Sequence[float], rest: Sequence[float], pseudo_trips: float
) -> dict[Level, float]:
    ratios: dict[Level, float] = defaultdict(float)
    counts: dict[Level, int] = defaultdict(int)
    for level, late, mean in zip(levels, lateness, rest, strict=True):
        ratios[level] += late / mean
        counts[level] += 1
    return {level: (ratios[level] + pseudo_trips) / (counts[level] + pseudo_trips) for level in counts}
