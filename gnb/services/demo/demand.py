"""When customers travel: the seasons of Turkish tourism, the days of the week, growth over 24 months."""

from __future__ import annotations

from bisect import bisect
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random

from gnb.models import HOME_ZONE, local_midnight

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
