"""The truth behind the demo data's demand and arrival times, written down so that a fitted model can be judged.

A transfer arrives `D = G - 3` minutes after its planned arrival, with `G` drawn from a gamma distribution of shape 2
whose mean is

    exp(log 6 + city + hour(city) + weekday(hour) + season(city, month) + route + 0.25 · log(kilometres / 40))

minutes. Hour, weekday and month are those of the planned pickup in Europe/Istanbul. Negative `D` is early. A share of
`G`, from a beta distribution (2, 3), is lost before the pickup, the rest on the road. Every effect is a number below;
nothing else has an influence: not the party, the price, the driver nor the year.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from math import exp, log
from random import Random
from zlib import crc32

from gnb.models import HOME_ZONE, local_midnight

SHAPE = 2.0
EARLIEST = -3.0
"""Minutes: no trip arrives earlier than this before the plan."""

BASE_MINUTES = 6.0
DISTANCE_EFFECT = 0.25
CITY_EFFECT = {
    "Istanbul": 0.55,
    "Ankara": 0.20,
    "Izmir": 0.25,
    "Antalya": 0.10,
    "Bodrum": 0.15,
    "Dalaman": -0.10,
    "Nevşehir": -0.25,
    "Kayseri": -0.15,
    "Trabzon": 0.0,
}
MORNING_RUSH = range(7, 10)
EVENING_RUSH = range(16, 20)
NIGHT = range(6)
MORNING_EFFECT = 0.45
EVENING_EFFECT = 0.60
NIGHT_EFFECT = -0.50
CALM_CITY_SHARE = 0.5
"""How much of a rush hour is felt outside `BUSY_CITIES`."""

BUSY_CITIES = frozenset({"Istanbul", "Ankara", "Izmir"})
FRIDAY_EVENING_EFFECT = 0.30
WEEKEND_EFFECT = -0.15
COAST = frozenset({"Antalya", "Bodrum", "Dalaman", "Izmir"})
SUMMER = frozenset({6, 7, 8, 9})
SUMMER_EFFECT = 0.35
SNOW = frozenset({"Nevşehir", "Kayseri", "Ankara", "Trabzon"})
WINTER = frozenset({12, 1, 2})
WINTER_EFFECT = 0.30
ROUTE_SPREAD = 0.25
"""A route's own effect lies between minus and plus this, the same in both directions."""


@dataclass(frozen=True)
class Trip:
    """What a delay depends on. `pickup` is the planned pickup, aware, in Europe/Istanbul."""

    city: str
    airport: str
    town: str
    kilometres: int
    pickup: datetime


def mean_lateness(trip: Trip) -> float:
    """Return the mean of `G` in minutes; the expected minutes after the plan are this plus `EARLIEST`."""
    return exp(
        log(BASE_MINUTES)
        + CITY_EFFECT.get(trip.city, 0.0)
        + _hour(trip)
        + _weekday(trip)
        + _season(trip)
        + route_effect(trip.airport, trip.town)
        + DISTANCE_EFFECT * log(max(trip.kilometres, 1) / 40)
    )


def expected_minutes(trip: Trip) -> float:
    """Return how many minutes after the plan such a trip arrives on average."""
    return mean_lateness(trip) + EARLIEST


def probability_late(trip: Trip, minutes: float = 15.0) -> float:
    """Return the probability that such a trip arrives more than this many minutes after the plan."""
    ratio = max(minutes - EARLIEST, 0.0) / (mean_lateness(trip) / SHAPE)
    return exp(-ratio) * (1 + ratio)  # the gamma distribution's tail for shape 2


def route_effect(airport: str, town: str) -> float:
    """Return a route's own effect, fixed by its name."""
    return (crc32(f"{airport} {town}".encode()) % 2001 / 1000 - 1) * ROUTE_SPREAD


def draw(trip: Trip, rng: Random) -> tuple[timedelta, timedelta]:
    """Draw how late one trip's pickup and arrival are, both against the plan."""
    lost = rng.gammavariate(SHAPE, mean_lateness(trip) / SHAPE)
    before = rng.betavariate(2, 3) * lost
    return timedelta(minutes=before - 2), timedelta(minutes=lost + EARLIEST)


def _hour(trip: Trip) -> float:
    hour = trip.pickup.hour
    if hour in NIGHT:
        return NIGHT_EFFECT
    share = 1.0 if trip.city in BUSY_CITIES else CALM_CITY_SHARE
    if hour in MORNING_RUSH:
        return MORNING_EFFECT * share
    return EVENING_EFFECT * share if hour in EVENING_RUSH else 0.0


def _weekday(trip: Trip) -> float:
    weekday = trip.pickup.isoweekday()
    if weekday >= 6:
        return WEEKEND_EFFECT
    return FRIDAY_EVENING_EFFECT if weekday == 5 and trip.pickup.hour in EVENING_RUSH else 0.0


def _season(trip: Trip) -> float:
    if trip.city in COAST and trip.pickup.month in SUMMER:
        return SUMMER_EFFECT
    return WINTER_EFFECT if trip.city in SNOW and trip.pickup.month in WINTER else 0.0


MONTHS_BACK = 24
DAYS_AHEAD = 60
MONTH_WEIGHT = (0.45, 0.45, 0.60, 0.85, 1.10, 1.40, 1.70, 1.75, 1.35, 1.00, 0.60, 0.55)
WEEKDAY_WEIGHT = (0.90, 0.85, 0.90, 0.95, 1.15, 1.30, 1.20)
GROWTH = 0.8
"""At the end there are this many times more bookings than at the start, on top of what there were."""

# Pickups by hour of the day: flights land in waves, excursions leave in the morning.
_TRANSFER_HOURS = (3, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9, 9, 9, 9, 9, 9, 8, 8, 7, 6, 6, 5, 4, 4)
_EXCURSION_HOURS = (0, 0, 0, 0, 2, 3, 4, 8, 10, 6, 3, 1, 1, 2, 2, 1, 1, 3, 4, 2, 0, 0, 0, 0)
_HOURS = {False: list(accumulate(_TRANSFER_HOURS)), True: list(accumulate(_EXCURSION_HOURS))}


def days(until: date) -> tuple[list[date], list[float]]:
    """Return the days that bookings are for, and their accumulated weights."""
    first = until - timedelta(days=round(MONTHS_BACK * 365.25 / 12))
    span = (until - first).days
    all_days = [first + timedelta(days=number) for number in range(span + DAYS_AHEAD)]
    weights = [
        MONTH_WEIGHT[day.month - 1]
        * WEEKDAY_WEIGHT[day.weekday()]
        * (1 + GROWTH * number / span)
        * _still_open(day, until)
        for number, day in enumerate(all_days)
    ]
    return all_days, list(accumulate(weights))


def pickups(count: int, until: date, rng: Random) -> list[tuple[datetime, date]]:
    """Draw when each of `count` bookings was made and the day it is for, in the order they were made."""
    calendar, weights = days(until)
    end = local_midnight(until)
    made = []
    for day in rng.choices(calendar, cum_weights=weights, k=count):
        ahead = min(rng.lognormvariate(2.3, 1.0), 200.0)
        moment = local_midnight(day) - timedelta(days=ahead)
        if moment >= end:
            moment = end - timedelta(days=rng.random() * 20, minutes=1)
        made.append((moment.replace(microsecond=0), day))
    made.sort()
    return made


def pickup_time(day: date, excursion: bool, rng: Random) -> datetime:
    """Draw a moment of that day in Europe/Istanbul, on five minutes."""
    hours = _HOURS[excursion]
    hour = bisect(hours, rng.random() * hours[-1])
    return datetime.combine(day, time(hour, rng.randrange(12) * 5), HOME_ZONE)


def _still_open(day: date, until: date) -> float:
    """Return the share of a future day's bookings that are made by now."""
    ahead = (day - until).days
    return 1.0 if ahead < 0 else 0.6 * (1 - ahead / (DAYS_AHEAD + 1))
