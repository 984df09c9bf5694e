"""Bookings and tours by the API: who may do what, and what is answered to whatever is sent."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.models import AuditEntry, Booking, Delivery, Departure, db, local_day, now
from tests.business import booking_data, make_booking, make_extra, make_tour
from tests.integration.api.conftest import Caller, accounts, admin, calling_as
from tests.servers import on_sqlite

assert accounts and admin and calling_as

URL = "/api/v1/bookings"


def post(client: FlaskClient, data: dict[str, Any], **headers: str) -> TestResponse:
    return client.post(URL, json=data, headers={name.replace("_", "-"): value for name, value in headers.items()})


def errors(answer: TestResponse) -> dict[str, Any]:
    """The fields that a refusal names."""
    assert answer.status_code == 422, answer.text
    assert answer.json["success"] is False
    details: dict[str, Any] = answer.json["error"]["details"]
    return details


# Booking


def test_anyone_may_book(app: Flask, client: FlaskClient) -> None:
    make_extra()
    answer = post(client, booking_data(make_tour(), extras={"child-seat": 1}))
    assert answer.status_code == 201, answer.text
    made = answer.json["data"]
    assert answer.json["success"] is True
    assert (made["status"], made["amount"], made["currency"], made["adults"]) == ("pending", "50.00", "EUR", 2)
    assert made["extras"] == [{"code": "child-seat", "quantity": 1, "unitPrice": "5.00", "total": "5.00"}]
    assert made["time"] == "14:30"
    assert made["link"].split("?token=")[0].endswith(f"/bookings/{made['reference']}")
    assert made["nextStatuses"] == ["confirmed", "cancelled"]


def test_errors_of_single_passengers_and_of_all_of_them_are_answered_together(app: Flask, client: FlaskClient) -> None:
    passengers = [{"name": "Ada", "nationality": "nowhere"}] + [{"name": "Ada"}] * 60
    found = errors(post(client, booking_data(make_tour(), passengers=passengers)))["passengers"]
    assert set(found) == {"0", "_schema"}


def test_a_booking_with_a_token_is_the_accounts_own(app: Flask, calling_as: Callable[[str | None], Caller]) -> None:
    answer = calling_as("user")("POST", URL, json=booking_data(make_tour()))
    booking = db.session.get_one(Booking, answer.json["data"]["id"])
    assert booking.user is not None and booking.user.role == "user"
    refused = Caller(app.test_client(), "no token of ours")("POST", URL, json=booking_data(make_tour()))
    assert refused.status_code == 401


def test_a_repeated_key_gives_the_same_booking_and_another_body_409(client: FlaskClient) -> None:
    data = booking_data(make_tour())
    first = post(client, data, Idempotency_Key="abc")
    again = post(client, data, Idempotency_Key="abc")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["data"]["id"] == again.json["data"]["id"]
    other = post(client, {**data, "notes": "another"}, Idempotency_Key="abc")
    assert (other.status_code, other.json["error"]["code"]) == (409, "idempotency_conflict")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Booking)) == 1
    assert "Idempotency-Key" in errors(post(client, data, Idempotency_Key="k" * 81))


def test_a_replay_is_answered_although_the_tour_is_no_longer_sold(client: FlaskClient) -> None:
    tour = make_tour()
    data = booking_data(tour)
    first = post(client, data, Idempotency_Key="abc")
    tour.active = False
    db.session.commit()
    again = post(client, data, Idempotency_Key="abc")
    assert (again.status_code, again.json) == (201, first.json)
    stranger = post(client, {**data, "contactEmail": "other@example.com"}, Idempotency_Key="abc")
    assert stranger.status_code == 422


def test_another_price_than_the_expected_total_is_a_409_with_both(client: FlaskClient) -> None:
    data = booking_data(make_tour())
    answer = post(client, {**data, "expectedTotal": "40.00"}, Idempotency_Key="abc")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "price_changed")
    assert answer.json["error"]["details"] == {"expectedTotal": "40.00", "total": "45.00", "currency": "EUR"}
    made = post(client, {**data, "expectedTotal": "45.00"}, Idempotency_Key="abc")
    assert (made.status_code, made.json["data"]["heldUntil"]) == (201, None)
    for wrong in ("NaN", "-1", "much", [], True, "1e99"):
        assert set(errors(post(client, {**data, "expectedTotal": wrong}))) == {"expectedTotal"}


def test_a_sold_out_day_is_a_409_that_says_what_is_left(client: FlaskClient) -> None:
    tour = make_tour(daily_seats=3)
    post(client, booking_data(tour))
    answer = post(client, booking_data(tour))
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "sold_out")
    assert answer.json["error"]["details"] == {"seatsLeft": 1}


@on_sqlite
def test_prices_of_the_client_are_refused_by_name(client: FlaskClient) -> None:
    tour = make_tour()
    found = errors(post(client, booking_data(tour, amount="1.00", price=1, currency="TRY", user_id=1, status="paid")))
    assert set(found) == {"amount", "price", "currency", "user_id", "status"}
    passengers = [{"name": "A", "price": 0}]
    assert set(errors(post(client, booking_data(tour, passengers=passengers)))["passengers"]["0"]) == {"price"}


@on_sqlite
def test_every_wrong_field_is_named_at_once_in_the_callers_language(client: FlaskClient) -> None:
    wrong = booking_data(
        make_tour(),
        date="2020-01-01",
        time="25:00",
        pickupPlace="",
        passengers=[{"name": ""}, {"kind": "dog", "name": "x"}],
        contactEmail="nobody",
        contactPhone="12",
        paymentMethod="gold",
        extras={"rocket": 1},
        language="xx",
    )
    found = errors(post(client, wrong))
    assert set(found) == {
        "date", "time", "pickupPlace", "passengers", "contactEmail", "contactPhone", "paymentMethod", "extras",
        "language",
    }  # fmt: skip
    assert set(found["passengers"]) == {"0", "1"}
    turkish = errors(post(client, wrong, Accept_Language="tr"))
    assert turkish["contactEmail"] != found["contactEmail"]
    assert turkish["date"] != found["date"]


@on_sqlite
@pytest.mark.parametrize("body", [[], "text", 1, None, {"passengers": "x"}, {"passengers": [[]]}, {"extras": []}])
def test_a_body_of_another_shape_is_no_error_of_ours(client: FlaskClient, body: Any) -> None:
    assert client.post(URL, json=body).status_code in (400, 422)


@on_sqlite
def test_of_a_list_that_is_too_long_no_more_is_looked_at(client: FlaskClient) -> None:
    names: list[Any] = [{"name": "Ali"}] * 60
    found = errors(post(client, booking_data(make_tour(), passengers=names + [{}] * 10_000)))
    assert set(found) == {"passengers"} and "At most 8 passengers." in found["passengers"][0]


@on_sqlite
def test_too_many_bookings_from_one_address_have_to_wait(app: Flask, client: FlaskClient) -> None:
    app.config["BOOKING_RATE_LIMIT"] = "2 per minute"
    data = booking_data(make_tour())
    answers = [post(client, data) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_booking_is_counted_by_the_status_it_began_with(app: Flask, client: FlaskClient, admin: Caller) -> None:
    made = post(client, booking_data(make_tour())).json["data"]
    admin("PATCH", f"{URL}/{made['id']}", json={"status": "confirmed"})
    text = client.get("/metrics").text
    assert 'bookings_created_total{status="pending"} 1.0' in text
    assert 'bookings_created_total{status="confirmed"} 0.0' in text


# Staff


@pytest.mark.parametrize("role", [None, "user", "driver"])
def test_bookings_are_not_for_everyone_to_read(calling_as: Callable[[str | None], Caller], role: str | None) -> None:
    booking = make_booking()
    expected = 403 if role else 401
    for method, path in (("GET", URL), ("GET", f"{URL}/{booking.id}"), ("PATCH", f"{URL}/{booking.id}")):
        assert calling_as(role)(method, path, json={"status": "paid"}).status_code == expected


@pytest.mark.parametrize("role", ["support", "manager"])
def test_staff_read_and_change_nothing(calling_as: Callable[[str | None], Caller], role: str) -> None:
    booking = make_booking()
    caller = calling_as(role)
    assert caller("GET", f"{URL}/{booking.id}").json["data"]["reference"] == booking.reference
    assert caller("GET", URL).json["data"]["total"] == 1
    assert caller("PATCH", f"{URL}/{booking.id}", json={"status": "paid"}).status_code == 403


def test_a_list_is_narrowed_as_the_export_is(admin: Caller) -> None:
    tour = make_tour()
    first = make_booking(tour, status="paid", customer_name="Zoë O'Brien")
    second = make_booking(tour, status="pending", pickup_at=first.pickup_at + timedelta(days=3))
    make_booking(tour, status="cancelled")

    def found(**query: Any) -> list[int]:
        data = admin("GET", URL, query_string=query).json["data"]
        return [row["id"] for row in data["bookings"]]

    assert found(status=["paid", "pending"]) == [second.id, first.id]
    assert found(startDate=local_day(second.pickup_at).isoformat()) == [second.id]
    assert found(q="o'brien") == [first.id]
    assert found(q=second.reference.lower()[:6], status="pending") == [second.id]
    assert len(found(start=1, end=2)) == 1
    assert admin("GET", URL, query_string={"status": "gone"}).status_code == 422
    assert admin("GET", URL, query_string={"startDate": "2027-02-02", "endDate": "2027-02-01"}).status_code == 422


def test_an_admin_takes_a_booking_through_its_life(admin: Caller) -> None:
    booking = make_booking(status="pending")
    for status in ("confirmed", "paid", "completed"):
        answer = admin("PATCH", f"{URL}/{booking.id}", json={"status": status})
        assert (answer.status_code, answer.json["data"]["status"]) == (200, status)
    refused = admin("PATCH", f"{URL}/{booking.id}", json={"status": "cancelled"})
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "invalid_booking_state")
    db.session.expire_all()
    entries = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.details) for entry in entries] == [
        ("booking.confirmed", {"from": "pending", "to": "confirmed"}),
        ("booking.paid", {"from": "confirmed", "to": "paid"}),
        ("booking.completed", {"from": "paid", "to": "completed"}),
    ]
    assert all(entry.target == f"booking/{booking.id}" and entry.actor_id for entry in entries)
    kinds = db.session.scalars(sa.select(Delivery.kind).order_by(Delivery.id)).all()
    assert kinds == ["booking-confirmation", "payment-confirmation"]


def test_a_change_that_cannot_be_is_refused(admin: Caller) -> None:
    booking = make_booking(status="pending")
    assert admin("PATCH", f"{URL}/{booking.id}", json={"status": "paid"}).status_code == 409
    assert admin("PATCH", f"{URL}/{booking.id}", json={"status": "pending"}).status_code == 409
    assert admin("PATCH", f"{URL}/{booking.id}", json={"status": "lost"}).status_code == 422
    assert admin("PATCH", f"{URL}/{booking.id}", json={"amount": "1"}).status_code == 422
    for number in (booking.id + 1, 2**63, 10**30):
        assert admin("GET", f"{URL}/{number}").status_code == 404
        assert admin("PATCH", f"{URL}/{number}", json={"status": "paid"}).status_code == 404


# Tours


def test_tours_are_found_by_what_a_traveller_says(app: Flask, client: FlaskClient) -> None:
    day = local_day(now()) + timedelta(days=10)
    fatih = make_tour(category="airport", airport="IST", origin="IST", destination="Fatih", base_price=Decimal("39.90"))
    boat = make_tour(category="tour", origin="Şişli", destination="Şişli", daily_seats=10, max_passengers=40)
    make_tour(active=False)
    db.session.add(Departure(tour_id=boat.id, departs_on=day, seats=10, seats_taken=7))
    db.session.commit()

    def found(**query: Any) -> list[str]:
        answer = client.get("/api/v1/tours", query_string={name.strip("_"): value for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return [tour["slug"] for tour in answer.json["data"]["tours"]]

    assert found() == [fatih.slug, boat.slug]
    assert found(from_="IST") == found(from_="istanbul havalimanı") == found(from_="İstanbul Airport") == [fatih.slug]
    assert found(to="fatih") == [fatih.slug]
    assert found(from_="SISLI") == [boat.slug]
    assert found(from_="istanbul") == [fatih.slug, boat.slug]
    assert found(from_="nowhere at all") == []
    assert found(passengers=9) == [boat.slug]
    assert found(passengers=3, date=day.isoformat(), category="tour") == [boat.slug]
    assert found(passengers=4, date=day.isoformat(), category="tour") == []
    assert found(start=1, end=2) == [boat.slug]
    for wrong in ({"date": "soon"}, {"category": "moon"}, {"passengers": 0}, {"passengers": 51}, {"start": -1}):
        assert client.get("/api/v1/tours", query_string=wrong).status_code == 422


def test_a_tour_is_shown_with_its_extras_and_seats(app: Flask, client: FlaskClient) -> None:
    make_extra()
    make_extra("lounge", currency="USD")
    make_extra("gone", active=False)
    tour = make_tour(category="tour", daily_seats=10)
    data = client.get(f"/api/v1/tours/{tour.slug}?date=2027-05-01", headers={"Accept-Language": "tr"}).json["data"]
    assert (data["title"], data["price"], data["seatsLeft"], data["perPerson"]) == (
        tour.titles["tr"],
        "45.00",
        10,
        True,
    )
    assert [extra["code"] for extra in data["extras"]] == ["child-seat"]
    assert client.get("/api/v1/tours/nothing").json["error"]["code"] == "tour_not_found"
    tour.active = False
    db.session.commit()
    assert client.get(f"/api/v1/tours/{tour.slug}").status_code == 404
