"""What may be asked for when booking, and what is said to the rest."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError

from gnb.models import Tour
from gnb.services.bookings import CurrencyMismatch
from gnb.services.bookings.request import BookingRequest, BookingRequestSchema
from gnb.services.pricing.quotes import Party, quote
from tests.business import booking_data, make_extra, make_tour
from tests.servers import on_sqlite

pytestmark = on_sqlite

SCRIPT = "<script>alert(1)</script>"


def load(tour: Tour, /, at: datetime | None = None, **fields: Any) -> BookingRequest:
    request: BookingRequest = BookingRequestSchema(at=at).load(booking_data(tour, **fields))
    return request


def errors(tour: Tour, /, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """What the schema says to these fields."""
    with pytest.raises(ValidationError) as refused:
        load(tour, at, **fields)
    messages = refused.value.normalized_messages()
    assert isinstance(messages, dict)
    return messages


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tour", "no-such-tour", "no such tour"),
        ("tour", "x" * 101, "At most 100"),
        ("tour", "a\x00b", "no such tour"),
        ("date", "2020-01-01", "is past"),
        ("date", "2026-13-01", "like 2027-06-30"),
        ("date", "tomorrow", "like 2027-06-30"),
        ("date", "9999-12-31", "too far off"),
        ("date", 20260101, "A text"),
        ("time", "24:00", "like 14:30"),
        ("time", "9:5", "like 14:30"),
        ("time", None, "Fill this in"),
        ("pickupPlace", "  ", "Fill this in"),
        ("pickupPlace", "x" * 301, "At most 300"),
        ("dropoffPlace", "", "where we take you"),
        ("dropoffPlace", ..., "where we take you"),
        ("passengers", [], "at least one passenger"),
        ("passengers", [{"name": f"G{n}"} for n in range(51)], "At most 8 passengers"),
        ("passengers", [{"name": "A", "kind": "child"}], "is an adult"),
        ("passengers", ..., "Fill this in"),
        ("contactName", "x" * 1000, "At most 200"),
        ("contactEmail", "someone", "valid email address"),
        ("contactEmail", "a@b@c.example", "valid email address"),
        ("contactPhone", "123", "no telephone number"),
        ("contactPhone", "+90 532", "no telephone number"),
        ("paymentMethod", "gold", "Choose one of: cash"),
        ("language", "klingon", "Choose one of: tr"),
        ("notes", "x" * 1001, "At most 1000"),
        ("flightNumber", "fly me", "like TK1984"),
        ("flightNumber", "12345", "like TK1984"),
        ("extras", [], "how many of each"),
    ],
)
def test_bad_input_is_refused_with_what_would_be_right(app: Flask, field: str, value: Any, words: str) -> None:
    found = errors(make_tour(), **{field: value})
    assert set(found) == {field}
    assert words in " ".join(found[field])


@pytest.mark.parametrize(
    ("passenger", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 1000}, "name"),
        ({"kind": "adult"}, "name"),
        ({"name": "A", "kind": "dog"}, "kind"),
        ({"name": "A", "nationality": "Atlantis"}, "nationality"),
        ({"name": "A", "nationality": "XX"}, "nationality"),
        ({"name": 5}, "name"),
    ],
)
def test_every_passenger_is_named_and_each_wrong_one_is_told(app: Flask, passenger: Any, field: str) -> None:
    found = errors(make_tour(), passengers=[{"name": "Fine"}, passenger])
    assert set(found) == {"passengers"}
    assert set(found["passengers"]) == {1}
    assert set(found["passengers"][1]) == {field}


def test_fifty_passengers_are_the_most_whatever_the_tour_takes(app: Flask) -> None:
    tour = make_tour(max_passengers=50)
    assert load(tour, passengers=[{"name": f"G{n}"} for n in range(50)]).party == Party(50)
    assert "At most 50" in errors(tour, passengers=[{"name": f"G{n}"} for n in range(51)])["passengers"][0]


def test_a_pickup_needs_some_notice(app: Flask) -> None:
    tour, at = make_tour(), datetime(2027, 1, 1, 10, 0, tzinfo=UTC)
    assert "2 hours" in errors(tour, at, date="2027-01-01", time="14:59")["time"][0]
    assert load(tour, at, date="2027-01-01", time="15:00").pickup_at == datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert "is past" in errors(tour, at, date="2026-12-31", time="15:00")["date"][0]
    assert errors(tour, at, date="2029-02-01")["date"]


def test_today_is_the_day_in_istanbul(app: Flask) -> None:
    late = datetime(2027, 1, 1, 22, 0, tzinfo=UTC)
    assert load(make_tour(), late, date="2027-01-02", time="05:00").pickup_at
    assert "is past" in errors(make_tour(), late, date="2027-01-01", time="23:59")["date"][0]


def test_a_time_that_the_clocks_leave_out_is_refused(app: Flask) -> None:
    """Turkey put its clocks forward for the last time in March 2016, from 03:00 to 04:00."""
    at = datetime(2016, 3, 1, tzinfo=UTC)
    assert "does not exist" in errors(make_tour(), at, date="2016-03-27", time="03:30")["time"][0]
    assert load(make_tour(), at, date="2016-03-27", time="04:30").pickup_at == datetime(2016, 3, 27, 1, 30, tzinfo=UTC)


def test_a_transfer_at_an_airport_needs_the_flight(app: Flask) -> None:
    tour = make_tour(category="airport", airport="IST")
    assert set(errors(tour)) == set(errors(tour, flightNumber=" ")) == {"flightNumber"}
    assert load(tour, flightNumber="tk 1984").flight_number == "TK1984"
    assert load(tour, flightNumber="W6 4321").flight_number == "W64321"


def test_a_tour_needs_neither_flight_nor_destination(app: Flask) -> None:
    request = load(make_tour(category="city"), dropoffPlace=..., flightNumber="")
    assert (request.dropoff_place, request.flight_number) == (None, None)


def test_extras_are_had_within_bounds_and_in_the_tours_currency(app: Flask) -> None:
    make_extra(max_quantity=2)
    make_extra("lounge", currency="USD")
    make_extra("old", active=False)
    tour = make_tour()
    assert load(tour, extras={"child-seat": 2, "lounge": 0}).extras == {"child-seat": 2}
    found = errors(tour, extras={"child-seat": 3, "lounge": 1, "old": 1, "rocket": 1})["extras"]
    assert "Between 0 and 2" in found["child-seat"][0]
    assert "sold in USD, this tour in EUR" in found["lounge"][0]
    assert "no such extra" in found["old"][0] and "no such extra" in found["rocket"][0]
    for wrong in (-1, 1.5, "1", True, None, 10**30):
        assert errors(tour, extras={"child-seat": wrong})["extras"]["child-seat"]
    with pytest.raises(CurrencyMismatch):
        quote(tour, Party(1), {"lounge": 1})


def test_what_people_type_is_brought_to_one_form(app: Flask) -> None:
    request = load(
        make_tour(),
        contactName="  Ayşe \u202e  Yılmaz\u0000 ",
        contactEmail=" Ayse@Example.COM ",
        contactPhone="+44 20 7946 0018",
        notes="one\r\ntwo\x00",
        passengers=[{"name": "Ali", "nationality": "tr"}],
    )
    assert (request.contact_name, request.contact_email) == ("Ayşe Yılmaz", "ayse@example.com")
    assert (request.contact_phone, request.notes) == ("+442079460018", "one\ntwo")
    assert request.passengers[0].nationality == "TR"


@pytest.mark.parametrize("field", ["pickupPlace", "dropoffPlace", "contactName", "notes", "passengers"])
def test_script_is_text_like_any_other(app: Flask, field: str) -> None:
    value: Any = [{"name": SCRIPT}] if field == "passengers" else SCRIPT
    request = load(make_tour(), **{field: value})
    found = [request.pickup_place, request.dropoff_place, request.contact_name, request.notes]
    assert SCRIPT in [*found, request.passengers[0].name]


@pytest.mark.parametrize(
    ("field", "value"),
    [(name, SCRIPT) for name in ("tour", "date", "time", "contactEmail", "contactPhone", "paymentMethod", "language")],
)
def test_script_is_refused_where_it_cannot_be_right(app: Flask, field: str, value: str) -> None:
    assert set(errors(make_tour(), **{field: value})) == {field}
