"""The booking's form: it keeps what is typed, names what is wrong, reckons on the server and books once."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.extensions import db
from gnb.models import Booking, Delivery, Departure, Extra, Tour, User, local_day, now
from tests.business import make_tour
from tests.integration.site.conftest import HARMFUL, fields_of, sign_in
from tests.servers import on_sqlite

pytestmark = on_sqlite

DAY = (local_day(now()) + timedelta(days=30)).isoformat()
TYPED = {
    "date": DAY,
    "time": "14:30",
    "pickupPlace": "Istanbul Airport (IST)",
    "dropoffPlace": "Hotel Fatih",
    "flightNumber": "tk 1984",
    "passengers-0-name": "Ayşe Yılmaz",
    "passengers-0-kind": "adult",
    "contactName": "Ayşe Yılmaz",
    "contactEmail": "Ayse@Example.com",
    "contactPhone": "+90 532 123 45 67",
    "paymentMethod": "cash",
    "notes": "Two large bags",
}


def begin(client: FlaskClient, slug: str = "ist-fatih", query: str = "") -> dict[str, str]:
    """The empty form's fields."""
    return fields_of(client.get(f"/tours/{slug}/book{query}"))


def send(client: FlaskClient, slug: str = "ist-fatih", form: dict[str, str] | None = None, **more: str) -> TestResponse:
    """Fill the form, whose price follows, and press "Book now"."""
    typed = {**(form or begin(client, slug)), **TYPED, **more}
    priced = {"expectedTotal": fields_of(again(client, typed, "price", slug)).get("expectedTotal", ""), **more}
    return client.post("/bookings", data={**typed, **priced})


def again(client: FlaskClient, form: dict[str, str], action: str, slug: str = "ist-fatih") -> TestResponse:
    """Press one of the form's other buttons."""
    return client.post(f"/tours/{slug}/book", data={**form, "do": action})


def held(form: dict[str, str]) -> dict[str, str]:
    """What the form holds but its token, which is signed anew each second, and the price, which follows the choice."""
    return {name: value for name, value in form.items() if name not in ("csrf_token", "expectedTotal")}


def dead_links(answer: TestResponse) -> set[str]:
    """Where the summary of errors leads to, but should not: places that the page does not have."""
    targets = set(re.findall(r'<li><a href="#([^"]+)">', answer.text))
    assert targets
    return targets - set(re.findall(r' id="([^"]+)"', answer.text))


def bookings() -> list[Booking]:
    return list(db.session.scalars(sa.select(Booking)))


def test_a_guest_books_and_sees_the_booking_by_its_link(
    app: Flask, client: FlaskClient, transfer: Tour, extras: list[Extra]
) -> None:
    answer = send(client, **{"extras-child-seat": "2", "passengers-1-name": "Can Yılmaz", "passengers-1-kind": "child"})
    assert answer.status_code == 303
    [booking] = bookings()
    assert answer.location.startswith(f"/bookings/{booking.reference}?token=")
    assert (booking.user_id, booking.status, booking.amount) == (None, "pending", Decimal("55.00"))
    assert (booking.customer_email, booking.customer_phone) == ("ayse@example.com", "+905321234567")
    assert (booking.adults, booking.children, booking.flight_number) == (1, 1, "TK1984")
    assert [(one.name, one.kind) for one in booking.passengers] == [("Ayşe Yılmaz", "adult"), ("Can Yılmaz", "child")]
    page = client.get(answer.location).text
    for fact in ("Thank you", booking.reference, "2 × Child seat", "€55.00", "TK1984", "14:30", "Can Yılmaz"):
        assert fact in page
    assert db.session.scalar(sa.select(Delivery.recipient)) == "ayse@example.com"


def test_a_customer_books_with_what_the_account_knows(
    app: Flask, client: FlaskClient, transfer: Tour, customer: User
) -> None:
    sign_in(client, customer)
    form = begin(client)
    assert (form["contactName"], form["contactEmail"]) == ("Ayşe Yılmaz", "ayse@example.com")
    answer = send(client)
    [booking] = bookings()
    assert booking.user_id == customer.id
    assert answer.location == f"/bookings/{booking.reference}?made=1"
    assert client.get(answer.location).status_code == 200


def test_the_form_begins_with_the_search_and_the_airport(client: FlaskClient, transfer: Tour) -> None:
    form = begin(client, query=f"?date={DAY}&passengers=3")
    assert form["date"] == DAY
    assert form["pickupPlace"] == "Istanbul Airport (IST)"
    assert "passengers-2-name" in form and "passengers-3-name" not in form
    too_many = begin(client, query="?date=never&passengers=40")
    assert too_many["date"] == "" and "passengers-7-name" in too_many and "passengers-8-name" not in too_many


def test_passengers_are_added_and_removed_without_losing_anything(
    client: FlaskClient, transfer: Tour, extras: list[Extra]
) -> None:
    form = {**begin(client), **TYPED, "extras-child-seat": "3", "extras-welcome": "1", "paymentMethod": "stripe"}
    answer = again(client, form, "add")
    assert answer.status_code == 200
    more = fields_of(answer)
    assert held({**form, "passengers-1-name": "", "passengers-1-kind": "adult"}) == held(more)
    more |= {"passengers-1-name": "Can", "passengers-1-kind": "child"}
    less = fields_of(again(client, more, "remove-0"))
    assert (less["passengers-0-name"], less["passengers-0-kind"]) == ("Can", "child")
    assert "passengers-1-name" not in less
    assert held(fields_of(again(client, less, "remove-0"))) == held(less)


@pytest.mark.parametrize(
    "action", ["", "remove-9", "remove-x", "remove--1", "remove-²", "remove-" + "9" * 5000, "add-1-2", "delete"]
)
def test_a_button_that_there_is_not_changes_nothing(client: FlaskClient, transfer: Tour, action: str) -> None:
    form = {**begin(client, query="?passengers=8"), "passengers-0-name": "Ayşe"}
    assert held(fields_of(again(client, form, action))) == held(form)


def test_no_more_passengers_are_added_than_may_come(client: FlaskClient, transfer: Tour) -> None:
    form = begin(client, query="?passengers=8")
    assert "passengers-8-name" not in fields_of(again(client, form, "add"))


def test_the_price_is_reckoned_on_the_server_from_what_is_chosen(
    client: FlaskClient, cruise: Tour, extras: list[Extra]
) -> None:
    form = {**begin(client, "bosphorus", "?passengers=3"), "passengers-1-kind": "child", "passengers-2-kind": "infant"}
    page = again(client, {**form, "extras-child-seat": "2", "date": DAY}, "price", "bosphorus").text
    assert "€100.00" in page and "2 × Bosphorus by boat" in page and "2 × Child seat" in page
    assert "10 seats are left on that day." in page
    for nonsense in ("99", "-1", "x", "²", ""):
        page = again(client, {**form, "extras-child-seat": nonsense}, "price", "bosphorus").text
        assert "€90.00" in page


def test_a_price_that_is_sent_along_changes_nothing(client: FlaskClient, transfer: Tour) -> None:
    assert send(client, amount="1.00", price="1.00", currency="TRY", status="paid").status_code == 303
    [booking] = bookings()
    assert (booking.amount, booking.currency, booking.status) == (Decimal("45.00"), "EUR", "pending")


def test_nothing_typed_is_lost_on_errors_and_each_stands_beside_its_field(
    client: FlaskClient, transfer: Tour, extras: list[Extra]
) -> None:
    wrong = {
        "date": "2020-01-01",
        "time": "25:00",
        "dropoffPlace": "",
        "flightNumber": "later",
        "passengers-0-name": "",
        "passengers-1-name": "Can",
        "passengers-1-kind": "grown-up",
        "extras-child-seat": "9",
        "contactEmail": "nobody",
        "contactPhone": "12",
        "paymentMethod": "barter",
    }
    form = begin(client)
    answer = send(client, form=form, **wrong)
    assert answer.status_code == 422
    kept = fields_of(answer)
    for name, value in {**TYPED, **wrong, "key": form["key"]}.items():
        if name not in ("paymentMethod", "passengers-1-kind"):
            assert kept[name] == value, name
    for name in (set(wrong) | {"passengers-0-name"}) - {"passengers-1-name", "paymentMethod"}:
        assert re.search(rf'id="f-{name}-error">[^<]+<', answer.text), name
        assert f'aria-describedby="f-{name}-error"' in answer.text, name
        assert f'<a href="#f-{name}">' in answer.text, name
    assert 'id="f-paymentMethod-error"' in answer.text
    assert dead_links(answer) == set()
    assert 'role="alert"' in answer.text
    assert bookings() == []


def test_an_empty_form_says_everything_that_is_missing(client: FlaskClient, transfer: Tour) -> None:
    answer = client.post("/bookings", data={"tour": "ist-fatih", "csrf_token": begin(client)["csrf_token"], "key": "k"})
    assert answer.status_code == 422
    for name in ("date", "time", "pickupPlace", "dropoffPlace", "flightNumber", "passengers-0-name", "contactPhone"):
        assert f'id="f-{name}-error"' in answer.text, name


def test_errors_are_in_the_readers_language(client: FlaskClient, transfer: Tour) -> None:
    client.get("/?lang=tr")
    answer = send(client, **{"contactEmail": "", "passengers-0-name": ""})
    assert "Eksik veya geçersiz alanlar var" in answer.text
    assert "1. yolcu" in answer.text


def test_what_is_typed_into_any_field_is_shown_as_text(client: FlaskClient, transfer: Tour) -> None:
    answer = send(client, **dict.fromkeys(TYPED, HARMFUL))
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
    texts = ("pickupPlace", "dropoffPlace", "passengers-0-name", "contactName", "notes")
    answer = send(client, **dict.fromkeys(texts, HARMFUL))
    page = client.get(answer.location).text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page and "<img src=x" not in page
    calendar = client.get(answer.location.replace("?", "/pickup.ics?"))
    assert calendar.mimetype == "text/calendar"


@pytest.mark.parametrize(
    "more",
    [
        {"passengers-999-name": "x"},
        {"passengers-9999-name": "x"},
        {"passengers-²-name": "x"},
        {"notes": "x" * 50_000},
        {"contactName": "\x01\x02"},
        {"date": "9999-12-31"},
        {"date": "2027-W01-1"},
        {"extras-no-such": "1"},
        {f"passengers-{number}-name": "x" for number in range(200)},
    ],
)
def test_no_form_breaks_the_page(client: FlaskClient, transfer: Tour, more: dict[str, str]) -> None:
    assert send(client, **more).status_code in (303, 422)
    assert again(client, {**begin(client), **more}, "price").status_code == 200


def test_a_form_for_a_tour_that_is_gone_or_without_its_token_is_refused(client: FlaskClient, transfer: Tour) -> None:
    form = begin(client)
    assert send(client, form=form, tour="no-such").status_code == 404
    assert send(client, form={**form, "csrf_token": "made up"}).status_code == 400
    for key in ("", "x" * 81, "ş"):
        assert send(client, form=form, key=key).status_code == 400
    assert bookings() == []


def test_too_many_bookings_from_one_address_have_to_wait(app: Flask, client: FlaskClient, transfer: Tour) -> None:
    app.config["BOOKING_RATE_LIMIT"] = "1 per minute"
    assert send(client).status_code == 303
    answer = send(app.test_client())
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_pressed_twice_is_booked_once(client: FlaskClient, transfer: Tour) -> None:
    form = begin(client)
    first, second = send(client, form=form), send(client, form=form)
    assert first.location == second.location
    assert len(bookings()) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 1


def test_a_form_that_is_changed_after_booking_asks_before_it_books_again(client: FlaskClient, transfer: Tour) -> None:
    form = begin(client)
    send(client, form=form)
    answer = send(client, form=form, time="16:00")
    assert answer.status_code == 409
    assert "already been used for a booking" in answer.text
    assert dead_links(answer) == set()
    assert len(bookings()) == 1
    assert client.post("/bookings", data=fields_of(answer)).status_code == 303
    assert len(bookings()) == 2


def test_whoever_goes_back_and_presses_again_has_one_booking(client: FlaskClient, transfer: Tour) -> None:
    first = send(client)
    form = begin(client)  # the browser asks for the page anew, and fills in what was typed
    assert send(client, form=form).location == first.location
    assert len(bookings()) == 1


def test_another_tours_form_has_another_key(app: Flask, client: FlaskClient, transfer: Tour, cruise: Tour) -> None:
    visits = [(who, slug) for who in (client, app.test_client()) for slug in ("ist-fatih", "ist-fatih", "bosphorus")]
    keys = [begin(who, slug)["key"] for who, slug in visits]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_somebody_elses_key_shows_nothing_of_their_booking(app: Flask, client: FlaskClient, transfer: Tour) -> None:
    form = begin(client)
    send(client, form=form)
    stranger = app.test_client()
    answer = send(stranger, form=begin(stranger), key=form["key"], contactName="Stranger")
    assert answer.status_code == 409
    assert bookings()[0].reference not in answer.text


def test_a_day_that_is_sold_out_is_told_beside_the_day(app: Flask, client: FlaskClient, cruise: Tour) -> None:
    db.session.add(Departure(tour=cruise, departs_on=local_day(now()) + timedelta(days=30), seats=10, seats_taken=9))
    db.session.commit()
    more = {"passengers-1-name": "Can", "passengers-1-kind": "adult"}
    answer = send(client, "bosphorus", **more)
    assert answer.status_code == 409
    error = re.search(r'id="f-date-error">([^<]*)<', answer.text)
    assert error and "Only 1 seat is left on that day." in error[1]
    assert fields_of(answer)["passengers-1-name"] == "Can"
    assert send(client, "bosphorus").status_code == 303
    assert "That day is sold out." in send(app.test_client(), "bosphorus").text


def test_a_tour_by_the_person_needs_no_destination(client: FlaskClient) -> None:
    make_tour(slug="walk", category="city")
    form = {**begin(client, "walk"), **TYPED, "dropoffPlace": "", "flightNumber": ""}
    assert client.post("/bookings", data=form).status_code == 303


def test_a_price_that_changed_while_the_form_was_open_is_shown_and_asked_for_once(
    client: FlaskClient, transfer: Tour
) -> None:
    form = begin(client)
    transfer.base_price = Decimal("50.00")
    db.session.commit()
    answer = client.post("/bookings", data={**form, **TYPED})
    assert answer.status_code == 409
    assert "The price has changed from €45.00 to €50.00." in answer.text
    assert bookings() == []
    assert client.post("/bookings", data={**fields_of(answer), **TYPED}).status_code == 303
    assert bookings()[0].amount == Decimal("50.00")


@pytest.mark.parametrize("sent", ["", "gold", "-1.00", "45"])
def test_a_form_without_the_price_that_was_shown_asks_for_it(client: FlaskClient, transfer: Tour, sent: str) -> None:
    answer = client.post("/bookings", data={**begin(client), **TYPED, "expectedTotal": sent})
    assert answer.status_code == 409
    assert "The price is €45.00." in answer.text


def test_a_press_is_answered_with_its_booking_although_the_tour_is_no_longer_sold(
    client: FlaskClient, transfer: Tour
) -> None:
    form = {**begin(client), **TYPED}
    first = client.post("/bookings", data=form)
    transfer.active = False
    db.session.commit()
    second = client.post("/bookings", data=form)
    assert (second.status_code, second.location) == (303, first.location)


def test_the_booking_page_says_until_when_seats_are_held(client: FlaskClient, cruise: Tour) -> None:
    page = client.get(send(client, "bosphorus").location).text
    assert "Your seats are held until" in page
