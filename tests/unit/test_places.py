"""Turkish places are found however people write them, and what is none is refused with help."""

import pytest

from gnb.services import places
from gnb.services.demo.catalogue import ROUTES
from gnb.services.places import AIRPORT_NAMES, UnknownPlace


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("IST", "Istanbul Airport (IST)"),
        ("ist", "Istanbul Airport (IST)"),
        ("İstanbul Havalimanı", "Istanbul Airport (IST)"),
        ("ISTANBUL", "Istanbul"),
        ("istanbul", "Istanbul"),
        ("Izmir", "İzmir"),
        ("İZMİT", "Kocaeli"),
        ("  ürgüp ", "Ürgüp, Nevşehir"),
        ("URGUP", "Ürgüp, Nevşehir"),
        ("Kemer, Antalya", "Kemer, Antalya"),
        ("Sabiha Gökçen", "Sabiha Gokcen International Airport (SAW)"),
        ("Ankara", "Ankara"),
    ],
)
def test_a_place_is_found_as_people_write_it(typed: str, label: str) -> None:
    assert places.find(typed).label == label


def test_the_business_own_airports_and_towns_are_all_there() -> None:
    for code, names in AIRPORT_NAMES.items():
        assert {places.find(name).code for name in (code, *names)} == {code}
    for route in ROUTES:
        assert places.find(route.town).name in (route.town, "Bursa", "Rize")


@pytest.mark.parametrize(("typed", "nearest"), [("Istambul Airpor", "Istanbul Airport (IST)"), ("Ankarra", "Ankara")])
def test_an_unknown_place_is_refused_with_the_nearest_names(typed: str, nearest: str) -> None:
    with pytest.raises(UnknownPlace) as refused:
        places.find(typed)
    assert nearest in refused.value.nearest
    assert nearest in str(refused.value)


@pytest.mark.parametrize("typed", ["", "   ", "xx", "'; DROP TABLE bookings; --", "\x00", "😀" * 200, "," * 50])
def test_what_is_no_name_at_all_is_refused(typed: str) -> None:
    with pytest.raises(UnknownPlace):
        places.find(typed)


def test_every_place_lies_in_turkey() -> None:
    for place in places.all_places():
        assert 35.7 < place.latitude < 42.2, place
        assert 25.6 < place.longitude < 44.9, place
    assert sum(place.kind == "province" for place in places.all_places()) == 81


def test_the_estimated_road_is_near_the_real_one_on_most_routes() -> None:
    off = []
    for route in ROUTES:
        airport, town = places.find(route.airport), places.find(route.town)
        off.append(abs(places.road_kilometres(airport.position, town.position) / route.kilometres - 1))
    assert sorted(off)[len(off) // 2] < 0.15


def test_a_longer_road_takes_longer() -> None:
    times = [places.free_flow_minutes(kilometres) for kilometres in range(0, 1000, 10)]
    assert times == sorted(set(times))
