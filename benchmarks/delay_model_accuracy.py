"""How good the delay model is on trips it has not seen, beside two that know less: a constant, and the hour's mean.

    learned, unseen = parted(trips)  # oldest first: four fifths to learn from, the rest to forecast
    judged(DelayModel.fitted(learned), learned, unseen)

The pinball loss of a quantile forecast is lower the better it tells that share of the trips; here it is the mean over
the deciles and the 95th percentile, in minutes. Calibration compares the forecast chance of more than 15 minutes with
how often that happened. benchmarks/delay_accuracy.py writes what comes out into docs/delay-risk.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gnb.services.ai.delay_model import DelayModel, Forecast
from gnb.services.ai.trips import FinishedTrip

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LATE = 15.0
_LEARNED_SHARE = 0.8
_BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0)

Quantiles = Callable[[FinishedTrip], Sequence[float]]


@dataclass(frozen=True)
class CalibrationBin:
    """The trips whose forecast chance of being late lies in a band: the mean forecast, and the share that was."""

    trips: int
    forecast: float
    observed: float


@dataclass(frozen=True)
class Accuracy:
    """What was measured; losses are in minutes, `brier` is the mean squared error of the chance of being late."""

    learned_from: int
    judged_on: int
    pinball_model: float
    pinball_per_hour: float
    pinball_constant: float
    brier_model: float
    brier_constant: float
    covered: dict[float, float]
    """For each of `LEVELS`, the share of trips that came within the delay forecast for that share."""

    calibration: tuple[CalibrationBin, ...]


def parted(trips: Sequence[FinishedTrip]) -> tuple[Sequence[FinishedTrip], Sequence[FinishedTrip]]:
    """The older trips to learn from, and the newer ones to forecast."""
    cut = int(len(trips) * _LEARNED_SHARE)
    return trips[:cut], trips[cut:]


def judged(model: DelayModel, learned: Sequence[FinishedTrip], unseen: Sequence[FinishedTrip]) -> Accuracy:
    """How well a model of the learned trips forecasts the unseen ones."""
    forecasts = [model.forecast(trip) for trip in unseen]
    quantiles = [[forecast.quantile(level) for level in LEVELS] for forecast in forecasts]
    chances = [forecast.probability_over(LATE) for forecast in forecasts]
    were_late = [trip.delay > LATE for trip in unseen]
    usual = sum(trip.delay > LATE for trip in learned) / len(learned)
    return Accuracy(
        learned_from=len(learned),
        judged_on=len(unseen),
        pinball_model=_mean(_pinball(trip.delay, q) for trip, q in zip(unseen, quantiles, strict=True)),
        pinball_per_hour=pinball_loss(unseen, _per_hour(learned, model)),
        pinball_constant=pinball_loss(unseen, _constant(learned)),
        brier_model=_mean((chance - late) ** 2 for chance, late in zip(chances, were_late, strict=True)),
        brier_constant=_mean((usual - late) ** 2 for late in were_late),
        covered={
            level: _mean(trip.delay <= q[place] for trip, q in zip(unseen, quantiles, strict=True))
            for place, level in enumerate(LEVELS)
        },
        calibration=tuple(_calibration(chances, were_late)),
    )


def pinball_loss(trips: Sequence[FinishedTrip], quantiles: Quantiles) -> float:
    """The mean loss of these quantiles, one for each of `LEVELS`, in minutes."""
    return _mean(_pinball(trip.delay, quantiles(trip)) for trip in trips)


def _pinball(delay: float, quantiles: Sequence[float]) -> float:
    return _mean(
        max(level * (delay - quantile), (level - 1) * (delay - quantile))
        for level, quantile in zip(LEVELS, quantiles, strict=True)
    )


def _constant(learned: Sequence[FinishedTrip]) -> Quantiles:
    """The same for each trip: the quantiles of all."""
    ordered = sorted(trip.delay for trip in learned)
    same = [ordered[min(int(level * len(ordered)), len(ordered) - 1)] for level in LEVELS]
    return lambda _trip: same


def _per_hour(learned: Sequence[FinishedTrip], model: DelayModel) -> Quantiles:
    """Those of a gamma distribution around the mean of the pickup's hour."""
    by_hour: dict[int, list[float]] = {}
    for trip in learned:
        by_hour.setdefault(trip.pickup.hour, []).append(trip.delay - model.earliest)
    everyone = _mean(trip.delay - model.earliest for trip in learned)
    known = {
        hour: [Forecast(model.earliest, model.shape, _mean(late)).quantile(level) for level in LEVELS]
        for hour, late in by_hour.items()
    }
    usual = [Forecast(model.earliest, model.shape, everyone).quantile(level) for level in LEVELS]
    return lambda trip: known.get(trip.pickup.hour, usual)


def _calibration(chances: Sequence[float], were_late: Sequence[bool]) -> list[CalibrationBin]:
    bins = []
    for low, high in pairwise(_BINS):
        chosen = [(c, late) for c, late in zip(chances, were_late, strict=True) if low <= c < high]
        if chosen:
            bins.append(CalibrationBin(len(chosen), _mean(c for c, _ in chosen), _mean(late for _, late in chosen)))
    return bins


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
