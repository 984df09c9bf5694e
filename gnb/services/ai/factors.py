"""The influences on a delay as factors, each drawn towards 1 until there are trips enough to say otherwise.

The mean lateness of a trip is a base times one factor of each influence: its area, the hour there, the weekday, the
month there, the distance and the route itself. A factor of a level with n trips is

    (sum of lateness / what the other factors expect + k) / (n + k)

which is the posterior mean for gamma-distributed lateness with k imagined trips that are as expected (Bühlmann's
credibility). All are fitted in turn until they settle. A level never seen has the factor 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gnb.services.ai.trips import Trip

SWEEPS = 8
Level = str


@dataclass(frozen=True)
class Influence:
    """One thing that a delay depends on: its name, a trip's level of it, and the imagined trips k."""

    name: str
    level: Callable[[Trip], Level]
    imagined: float


def daypart(hour: int) -> str:
    """The hours of a day that drive alike."""
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
    """The lower end, in kilometres, of the band that a distance falls into."""
    return max((low for low in _DISTANCES if low <= kilometres), default=0)


Factors = dict[str, dict[Level, float]]
"""For each influence, the factor of each level seen."""


def levels_of(trip: Trip) -> dict[str, Level]:
    """The trip's level of each influence."""
    return {influence.name: influence.level(trip) for influence in INFLUENCES}


def fit(trips: Sequence[Trip], lateness: Sequence[float]) -> tuple[float, Factors, list[float]]:
    """The base, the factors, and what they expect of each trip. There must be at least one trip."""
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
