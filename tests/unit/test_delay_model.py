"""The delay model finds the truth that trips were drawn from, and beats what knows less."""

from datetime import datetime, timedelta
from math import exp, log
from random import Random

import pytest

from benchmarks.delay_model_accuracy import Accuracy, judged, parted
from gnb.models import HOME_ZONE
from gnb.services.ai import delay_model
from gnb.services.ai.delay_model import DelayModel, TooFewTrips
from gnb.services.ai.trips import FinishedTrip, Trip, fit
from gnb.services.demo import delays
from gnb.services.demo.catalogue import ROUTES


def driven(count: int, seed: int = 3) -> list[FinishedTrip]:
    """Trips of two years on the demo data's routes, oldest first, late as its truth says."""
    rng = Random(seed)
    start = datetime(2025, 1, 1, tzinfo=HOME_ZONE)
    moments = sorted(start + timedelta(minutes=rng.randrange(2 * 365 * 24 * 60)) for _ in range(count))
    trips = []
    for moment in moments:
        route = rng.choice(ROUTES)
        truth = delays.Trip(route.city, route.airport, route.town, route.kilometres, moment)
        late = delays.draw(truth, rng)[1].total_seconds() / 60
        trips.append(FinishedTrip(route.city, route.airport, route.town, route.kilometres, moment, late))
    return trips


@pytest.fixture(scope="module")
def accuracy() -> Accuracy:
    learned, unseen = parted(driven(6000))
    return judged(DelayModel.fitted(learned), learned, unseen)


@pytest.fixture(scope="module")
def model() -> DelayModel:
    return DelayModel.fitted(driven(6000))


def test_it_beats_the_constant_and_the_hours_mean_on_unseen_trips(accuracy: Accuracy) -> None:
    assert accuracy.pinball_model < 0.97 * accuracy.pinball_per_hour < accuracy.pinball_constant
    assert accuracy.brier_model < 0.95 * accuracy.brier_constant


def test_it_is_calibrated_on_unseen_trips(accuracy: Accuracy) -> None:
    assert accuracy.covered[0.5] == pytest.approx(0.5, abs=0.05)
    assert accuracy.covered[0.9] == pytest.approx(0.9, abs=0.03)
    for one in accuracy.calibration:
        doubt = (one.forecast * (1 - one.forecast) / one.trips) ** 0.5
        assert abs(one.forecast - one.observed) < 3.5 * doubt + 0.03, one


def test_its_forecasts_are_near_the_truth(model: DelayModel) -> None:
    off = []
    for trip in driven(500, seed=99):
        truth = delays.Trip(trip.area, trip.airport, trip.town, int(trip.kilometres), trip.pickup)
        off.append(abs(model.forecast(trip).probability_over(15) - delays.probability_late(truth)))
    assert sum(off) / len(off) < 0.05


def test_it_comes_back_from_the_broker_as_it_was(model: DelayModel) -> None:
    assert DelayModel.from_json(model.as_json()) == model


def test_a_road_never_driven_is_judged_by_what_it_has_in_common_with_others(model: DelayModel) -> None:
    rush = Trip("Istanbul", "IST", "Kadıköy", 60, datetime(2026, 11, 27, 17, tzinfo=HOME_ZONE))
    calm = Trip("Istanbul", "IST", "Kadıköy", 60, datetime(2026, 11, 29, 3, tzinfo=HOME_ZONE))
    assert model.forecast(rush).probability_over(15) > 4 * model.forecast(calm).probability_over(15)
    assert model.effects(rush)["route"] == 1.0


def test_a_longer_road_than_any_driven_counts_as_the_longest(model: DelayModel) -> None:
    moment = datetime(2026, 11, 27, 12, tzinfo=HOME_ZONE)
    far = model.effects(Trip("Istanbul", "IST", "Van", 1600, moment))
    assert far["distance"] == model.effects(Trip("Istanbul", "IST", "Sapanca", 165, moment))["distance"]


def test_a_few_trips_move_a_factor_little() -> None:
    trips = driven(400)
    odd = Trip("Istanbul", "IST", "Nowhere", 40, trips[0].pickup)
    base, factors, _ = fit([*trips, odd], [10.0] * len(trips) + [100.0])
    assert base == pytest.approx(10, rel=0.1)
    assert 1 < factors["route"]["IST – Nowhere"] < 1.6


def test_with_too_few_trips_it_says_so() -> None:
    with pytest.raises(TooFewTrips, match="99 finished transfers"):
        DelayModel.fitted(driven(99))


@pytest.mark.parametrize("x", [0.1, 1, 3, 10, 40])
def test_the_gamma_tail_is_right_where_it_has_a_closed_form(x: float) -> None:
    assert delay_model.gamma_tail(1, 4, x) == pytest.approx(exp(-x / 4), rel=1e-9)
    assert delay_model.gamma_tail(2, 4, x) == pytest.approx(exp(-x / 2) * (1 + x / 2), rel=1e-9)


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("shape", [0.6, 2.0, 9.0])
def test_a_quantile_leaves_its_share_above_it(shape: float, probability: float) -> None:
    assert delay_model.gamma_tail(shape, 7, delay_model.gamma_quantile(shape, 7, probability)) == pytest.approx(
        1 - probability, abs=1e-9
    )


def test_the_shape_is_found_again() -> None:
    rng = Random(2)
    sample = [rng.gammavariate(2, 3) for _ in range(20_000)]
    found = delay_model.gamma_shape(sum(sample) / len(sample), sum(map(log, sample)) / len(sample))
    assert found == pytest.approx(2, rel=0.04)
