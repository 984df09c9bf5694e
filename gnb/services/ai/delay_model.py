"""The delay model: a gamma distribution around a mean made of factors, fitted to the business's own trips.

    model = DelayModel.fitted(finished_trips(connection))
    forecast = model.forecast(trip)
    forecast.expected_minutes, forecast.probability_over(15), forecast.quantile(0.9)

Delays are counted from the earliest observed arrival, since the distribution needs positive values.

The gamma distribution is computed in plain Python: the series and the continued fraction of the incomplete gamma
function as in Abramowitz and Stegun, 6.5.29 and 6.5.31; the shape by Minka's closed form ("Estimating a Gamma
distribution", 2002), within 1.5% of the maximum likelihood estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import ceil, exp, lgamma, log, sqrt
from typing import Any

from gnb.messages import DomainError
from gnb.services.ai.trips import INFLUENCES, Factors, FinishedTrip, Trip, fit, levels_of

FEWEST_TRIPS = 100
"""With fewer than these nothing is fitted: `HourlyDelays` says what was observed."""

_EARLIEST_SHARE = 0.002
_MARGIN = 0.25
_SHORTEST = 0.05


class TooFewTrips(DomainError):
    """There are not enough finished transfers to fit the model to, or none at all to observe."""

    code = "too_few_trips"


@dataclass(frozen=True)
class Forecast:
    """The distribution of one trip's delay, in minutes after the planned arrival; negative means early."""

    earliest: float
    shape: float
    mean_lateness: float

    @property
    def expected_minutes(self) -> float:
        return self.earliest + self.mean_lateness

    def probability_over(self, minutes: float) -> float:
        """Return the probability of arriving more than this many minutes late."""
        return gamma_tail(self.shape, self.mean_lateness, minutes - self.earliest)

    def quantile(self, probability: float) -> float:
        """Return the delay in minutes that this share of such trips does not exceed."""
        return self.earliest + gamma_quantile(self.shape, self.mean_lateness, probability)


@dataclass(frozen=True)
class DelayModel:
    """A fitted model; `as_json` and `from_json` convert it for the cache in the broker."""

    trips: int
    earliest: float
    shape: float
    base: float
    factors: Factors
    route_kilometres: dict[str, float]
    airport_areas: dict[str, str]
    """Whose traffic counts on roads from each airport served."""

    @classmethod
    def fitted(cls, trips: Sequence[FinishedTrip]) -> DelayModel:
        """Fit the model to these trips. Raises TooFewTrips."""
        if len(trips) < FEWEST_TRIPS:
            raise TooFewTrips(count=len(trips), needed=FEWEST_TRIPS)
        earliest = sorted(trip.delay for trip in trips)[int(len(trips) * _EARLIEST_SHARE)] - _MARGIN
        lateness = [max(trip.delay - earliest, _SHORTEST) for trip in trips]
        base, factors, expected = fit(trips, lateness)
        ratios = [late / mean for late, mean in zip(lateness, expected, strict=True)]
        shape = gamma_shape(sum(ratios) / len(ratios), sum(map(log, ratios)) / len(ratios))
        return cls(
            trips=len(trips),
            earliest=earliest,
            shape=shape,
            base=base,
            factors=factors,
            route_kilometres={trip.route: trip.kilometres for trip in trips},
            airport_areas={trip.airport: trip.area for trip in trips},
        )

    def forecast(self, trip: Trip) -> Forecast:
        """Forecast a trip, on a known road or not."""
        mean = self.base
        for factor in self.effects(trip).values():
            mean *= factor
        return Forecast(self.earliest, self.shape, mean)

    def effects(self, trip: Trip) -> dict[str, float]:
        """Return the factor by which each influence changes the trip's lateness; 1 where nothing is known."""
        levels = levels_of(trip)
        # A road longer than any driven is at least as hard to tell as the longest of those.
        levels["distance"] = self._known_distance(levels["distance"])
        return {one.name: self.factors.get(one.name, {}).get(levels[one.name], 1.0) for one in INFLUENCES}

    def _known_distance(self, level: str) -> str:
        seen = sorted(map(int, self.factors.get("distance", {})))
        return str(max((low for low in seen if low <= int(level)), default=seen[0] if seen else level))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> DelayModel:
        return cls(**known)


@dataclass(frozen=True)
class ObservedDelays:
    """The delays of some trips in minutes, sorted: their shares and percentiles as they were observed."""

    delays: Sequence[float]

    @property
    def expected_minutes(self) -> float:
        return sum(self.delays) / len(self.delays)

    def probability_over(self, minutes: float) -> float:
        """Return the share of the trips that arrived more than this many minutes late."""
        return sum(delay > minutes for delay in self.delays) / len(self.delays)

    def quantile(self, probability: float) -> float:
        """Return the delay in minutes that this share of the trips did not exceed."""
        return self.delays[max(ceil(probability * len(self.delays)) - 1, 0)]


@dataclass(frozen=True)
class HourlyDelays:
    """What stands in for the model while there are too few trips: the delays observed, by hour of the pickup."""

    by_hour: dict[str, list[float]]
    """Sorted minutes; the hours as "00" to "23", without those that have no trips."""

    @classmethod
    def observed(cls, trips: Sequence[FinishedTrip]) -> HourlyDelays:
        """Group the trips by hour. Raises TooFewTrips if there are none."""
        if not trips:
            raise TooFewTrips("none")
        hours: dict[str, list[float]] = {}
        for trip in trips:
            hours.setdefault(f"{trip.pickup.hour:02d}", []).append(trip.delay)
        return cls({hour: sorted(delays) for hour, delays in sorted(hours.items())})

    def forecast(self, trip: Trip) -> ObservedDelays:
        """Return the delays of the trip's hour, or of all hours if none was driven then."""
        own = self.by_hour.get(f"{trip.pickup.hour:02d}")
        return ObservedDelays(own or sorted(delay for delays in self.by_hour.values() for delay in delays))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


_ROUNDS = 500
_EXACT = 1e-12
_TINY = 1e-300


def gamma_tail(shape: float, mean: float, x: float) -> float:
    """Return the probability of a value above x."""
    if x <= 0:
        return 1.0
    scaled = x * shape / mean
    front = exp(shape * log(scaled) - scaled - lgamma(shape))
    if scaled < shape + 1:
        return max(1.0 - front * _series(shape, scaled), 0.0)
    return front * _fraction(shape, scaled)


def gamma_quantile(shape: float, mean: float, probability: float) -> float:
    """Return the value that this share of all values does not exceed."""
    return mean * _unit_quantile(shape, probability)


def gamma_shape(mean: float, mean_log: float) -> float:
    """Estimate the shape from a sample's mean and mean logarithm."""
    spread = max(log(mean) - mean_log, 1e-6)
    return (3 - spread + sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)


@lru_cache(1024)
def _unit_quantile(shape: float, probability: float) -> float:
    """Return the quantile of the distribution with mean 1, by bisection; others are multiples of it."""
    low, high = 0.0, 1.0
    while gamma_tail(shape, 1.0, high) > 1 - probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if gamma_tail(shape, 1.0, middle) > 1 - probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for step in range(1, _ROUNDS):
        term *= x / (shape + step)
        total += term
        if term < total * _EXACT:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Evaluate the continued fraction with Lentz's method."""
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    value = d
    for step in range(1, _ROUNDS):
        a = -step * (step - shape)
        b += 2
        d = 1 / (a * d + b or _TINY)
        c = b + a / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _EXACT:
            break
    return value
