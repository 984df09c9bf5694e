"""Bookings and extras that an administrator makes and changes by the pages' forms."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.models import AuditEntry, Booking, Delivery, Extra, db
from gnb.services.bookings.seats import seats_left
from tests.business import booking_data, make_booking, make_extra, make_tour, make_user
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sign_in(client, make_user(role="admin"))
    return client


def form_of(tour: Any, **fields: str) -> dict[str, str]:
    data = booking_data(tour, passengers=...)
    return {**data, "passengers": "Ayşe Yılmaz; adult; TR\nAli Yılmaz;child", **fields}


def actions() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_booking_is_made_and_confirmed_for_a_customer(admin: FlaskClient) -> None:
    tour, extra = make_tour(), make_extra()
    assert admin.get("/admin/bookings/new").status_code == 200
    answer = admin.post("/admin/bookings/new", data=form_of(tour, **{f"extras-{extra.code}": "2"}))
    booking = db.session.scalars(sa.select(Booking)).one()
    assert answer.headers["Location"].endswith(f"/admin/bookings/{booking.id}")
    assert (booking.status, booking.adults, booking.children, booking.amount) == ("confirmed", 1, 1, Decimal("55.00"))
    assert actions() == ["booking.create", "booking.confirmed"]
    assert db.session.query(Delivery).filter_by(kind="booking-confirmation").count() == 2


def test_a_wrong_booking_is_marked_and_keeps_what_was_typed(admin: FlaskClient) -> None:
    tour = make_tour(daily_seats=1)
    wrong = form_of(tour, contactEmail="nobody", passengers="Ali; king", date="2020-01-01")
    answer = admin.post("/admin/bookings/new", data=wrong)
    assert answer.status_code == 422 and answer.text.count("error-text") >= 3 and "Ali; king" in answer.text
    assert admin.post("/admin/bookings/new", data=form_of(tour)).status_code == 409
    assert admin.post("/admin/bookings/new", data={}).status_code == 422
    assert db.session.query(Booking).count() == 0


def test_a_booking_is_changed_with_its_seats_and_keeps_its_amount(admin: FlaskClient) -> None:
    tour = make_tour(daily_seats=3)
    admin.post("/admin/bookings/new", data=form_of(tour))
    booking = db.session.scalars(sa.select(Booking)).one()
    path, before, amount = f"/admin/bookings/{booking.id}/edit", booking.travel_date, booking.amount
    assert "Ali Yılmaz; child" in admin.get(path).text
    form = {**form_of(tour, passengers="A B\nC D\nE F\nG H"), "amount": str(amount)}
    assert admin.post(path, data=form).status_code == 409
    assert seats_left(tour, before) == 1
    form = {**form, "passengers": "A B\nC D\nE F", "pickupPlace": "Hotel Pera", "notes": "Two bags"}
    assert admin.post(path, data=form).status_code == 303
    db.session.expire_all()
    assert (seats_left(tour, before), booking.guests, booking.amount) == (0, 3, amount)
    assert [one.name for one in booking.passengers] == ["A B", "C D", "E F"]
    entry = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "booking.change")).one()
    assert entry.details["changed"] == ["notes", "passengers", "pickup_place"]
    for wrong in ("", "-1", "NaN", "1.001", "x"):
        assert admin.post(path, data={**form, "amount": wrong}).status_code == 422
    admin.post(path, data={**form, "amount": "80.50"})
    db.session.refresh(booking)
    assert booking.amount == Decimal("80.50")


def test_nothing_changes_in_a_cancelled_or_completed_booking(admin: FlaskClient) -> None:
    for status in ("cancelled", "completed"):
        booking = make_booking(status=status)
        form = {**form_of(booking.tour), "amount": "1"}
        answer = admin.post(f"/admin/bookings/{booking.id}/edit", data=form, follow_redirects=True)
        assert f"is {status}: it cannot be changed" in answer.text
        db.session.refresh(booking)
        assert booking.amount == Decimal("90.00")


def test_bookings_are_found_by_email_and_sorted(admin: FlaskClient) -> None:
    tour = make_tour()
    cheap = make_booking(tour, customer_email="zeynep@example.org", amount=Decimal(10))
    dear = make_booking(tour, amount=Decimal(900))
    page = admin.get("/admin/bookings?q=Zeynep@example").text
    assert cheap.reference in page and dear.reference not in page
    page = admin.get("/admin/bookings?sort=amount").text
    assert page.index(cheap.reference) < page.index(dear.reference) and 'aria-sort="ascending"' in page
    page = admin.get("/admin/bookings?sort=-amount").text
    assert page.index(dear.reference) < page.index(cheap.reference)
    assert admin.get("/admin/bookings?sort=nothing").status_code == 200


def test_an_extra_is_created_changed_and_retired(admin: FlaskClient) -> None:
    form = {"code": "surfboard", "title_en": "Surfboard", "title_tr": "Sörf tahtası", "price": "7.50"}
    form |= {"currency": "EUR", "max_quantity": "2", "position": "3", "active": "y"}
    assert admin.post("/admin/extras/new", data=form).status_code == 303
    assert admin.post("/admin/extras/new", data=form).status_code == 422
    for name, text in (("code", "Two Words"), ("price", "-1"), ("max_quantity", "0"), ("title_en", "")):
        assert admin.post("/admin/extras/new", data={**form, "code": "other", name: text}).status_code == 422
    assert "Surfboard" in admin.get("/admin/extras").text
    retired = {name: text for name, text in form.items() if name != "active"}
    assert admin.post("/admin/extras/surfboard/edit", data={**retired, "price": "9"}).status_code == 303
    extra = db.session.get_one(Extra, "surfboard")
    db.session.refresh(extra)
    assert (extra.active, extra.price, extra.titles["tr"]) == (False, Decimal(9), "Sörf tahtası")
    assert actions() == ["extra.create", "extra.change"]
    assert admin.get("/admin/extras/nothing/edit").status_code == 404
