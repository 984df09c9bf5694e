"""The truth behind the demo data's delays is what its module says."""

from datetime import datetime
from random import Random
from statistics import fmean

import pytest

from gnb.models import HOME_ZONE
from gnb.services.demo import catalogue, delays
from gnb.services.demo.delays import Trip
from gnb.services.places import all_places, by_code, straight_kilometres


def trip(city: str = "Istanbul", hour: int = 12, day: int = 3, month: int = 3, kilometres: int = 40) -> Trip:
    return Trip(city, "IST", "Fatih", kilometres, datetime(2026, month, day, hour, tzinfo=HOME_ZONE))


@pytest.mark.parametrize("chosen", [trip(), trip(hour=18), trip("Nevşehir", 3), trip("Antalya", 8, month=8)])
def test_what_is_drawn_has_the_mean_and_the_tail_that_are_stated(chosen: Trip) -> None:
    rng = Random(5)
    late = [delays.draw(chosen, rng)[1].total_seconds() / 60 for _ in range(20_000)]

    assert fmean(late) == pytest.approx(delays.expected_minutes(chosen), abs=0.25)
    share = sum(minutes > 15 for minutes in late) / len(late)
    assert share == pytest.approx(delays.probability_late(chosen), abs=0.012)
    assert min(late) >= delays.EARLIEST


def test_every_effect_goes_the_way_it_is_described() -> None:
    calm = delays.mean_lateness(trip())
    assert delays.mean_lateness(trip(hour=8)) > calm
    assert delays.mean_lateness(trip(hour=3)) < calm
    assert delays.mean_lateness(trip(day=6, hour=17)) > delays.mean_lateness(trip(day=5, hour=17))
    assert delays.mean_lateness(trip(day=7)) < calm
    assert delays.mean_lateness(trip(kilometres=120)) > calm
    assert delays.mean_lateness(trip("Antalya", month=8)) > delays.mean_lateness(trip("Antalya", month=4))
    assert delays.mean_lateness(trip("Kayseri", month=1)) > delays.mean_lateness(trip("Kayseri", month=4))
    rush = delays.mean_lateness(trip(hour=8)) / calm
    assert 1 < delays.mean_lateness(trip("Bodrum", hour=8)) / delays.mean_lateness(trip("Bodrum")) < rush


def test_a_pickup_comes_before_its_arrival() -> None:
    rng = Random(1)
    for _ in range(5_000):
        before, late = delays.draw(trip(hour=18), rng)
        assert late - before > -delays.timedelta(minutes=2)


@pytest.mark.parametrize("route", catalogue.ROUTES, ids=lambda route: f"{route.airport}-{route.town}")
def test_roads_are_longer_than_the_straight_line_and_not_absurdly_so(route: catalogue.Route) -> None:
    airport = by_code(route.airport)
    assert airport
    towns = [place.position for place in all_places() if place.kind != "airport" and place.name == route.town]
    straight = min(straight_kilometres(airport.position, town) for town in towns)
    assert straight <= route.kilometres <= straight * 2.2 + 6
    assert 25 <= route.kilometres / route.minutes * 60 <= 90
    assert route.city in delays.CITY_EFFECT
