"""The admin's pages of bookings and tours, read and used as a browser without script does."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from gnb.extensions import engine
from gnb.models import AuditEntry, Booking, Delivery, Departure, Export, PriceChange, Tour, db, local_day, now
from gnb.services.ai import lookups
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.bookings.booking import book
from gnb.services.bookings.request import BookingRequestSchema
from gnb.services.pricing import PriceList
from tests.business import booking_data, make_booking, make_campaign, make_extra, make_tour, make_user
from tests.servers import on_sqlite
from tests.sessions import sign_in

SCRIPT = "<script>alert(1)</script>"
Member = Callable[[str], FlaskClient]


@pytest.fixture
def signed_in(app: Flask) -> Member:
    """A client with the session of an account of that role."""
    app.config["WTF_CSRF_ENABLED"] = False

    def client_of(role: str) -> FlaskClient:
        client = app.test_client()
        sign_in(client, make_user(role=role))
        return client

    return client_of


@pytest.fixture
def admin(signed_in: Member) -> FlaskClient:
    return signed_in("admin")


def references(page: str) -> list[str]:
    """The bookings listed, in order."""
    return re.findall(r'data-row-link href="/admin/bookings/\d+">([^<]+)<', page)


# Bookings


def test_the_list_is_narrowed_by_the_exports_filters_and_a_search(admin: FlaskClient) -> None:
    tour = make_tour()
    paid = make_booking(tour, status="paid", customer_name="Çağla Öz")
    pending = make_booking(status="pending", pickup_at=paid.pickup_at + timedelta(days=40), language="tr")

    def found(query: str) -> list[str]:
        return references(admin.get(f"/admin/bookings?{query}").text)

    assert found("") == [pending.reference, paid.reference]
    assert found("status=paid&status=cancelled") == found(f"tour={tour.id}") == [paid.reference]
    assert found(f"startDate={local_day(pending.pickup_at)}") == found("language=tr") == [pending.reference]
    assert found(f"q={paid.reference}") == found("q=Öz") == found("q=ÇAĞLA") == found("q=çağla ö") == [paid.reference]
    assert found("q=nobody") == []
    assert found("q=%25") == found("q=_") == []
    assert found("page=2") == []


def test_a_wrong_filter_is_marked_and_nothing_breaks(admin: FlaskClient) -> None:
    make_booking()
    for query in ("status=lost", "startDate=soon", "startDate=2027-02-02&endDate=2027-02-01", "tour=x"):
        answer = admin.get(f"/admin/bookings?{query}")
        assert answer.status_code == 422
        assert "error-text" in answer.text and references(answer.text) == []
    assert admin.get("/admin/bookings?q=%00").status_code == 422
    for query in ("q=" + "x" * 5000, "page=-1", "page=99999999999", "_external=1&_scheme=x"):
        assert admin.get(f"/admin/bookings?{query}").status_code == 200


def test_what_is_listed_can_be_exported(admin: FlaskClient) -> None:
    make_booking(status="paid")
    page = admin.get("/admin/bookings?status=paid&status=pending&startDate=2027-01-01").text
    form = page.split('action="/admin/exports"')[1].split("</form>")[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    sent: dict[str, Any] = {}
    for name, value in fields:
        sent.setdefault(name, []).append(value)
    assert admin.post("/admin/exports", data=sent).status_code == 303
    export = db.session.scalars(sa.select(Export)).one()
    assert export.filters == {"status": ["pending", "paid"], "startDate": "2027-01-01"}
    assert export.type == "bookings-csv"


def test_a_booking_shows_all_that_belongs_to_it(admin: FlaskClient) -> None:
    make_extra()
    booking = book(BookingRequestSchema().load(booking_data(make_tour(), extras={"child-seat": 2}, notes="Late")))
    page = admin.get(f"/admin/bookings/{booking.id}").text
    delivery = db.session.scalars(sa.select(Delivery)).one()
    for part in ("Ayşe Yılmaz", "Ali Yılmaz", "+905321234567", "2 × <bdi>Child seat</bdi>", "€10.00", "€45.00",
                 "€55.00", "Late", f"/admin/emails/{delivery.id}", f"/admin/jobs/email/delivery-{delivery.id}",
                 f"/admin/audit?target=booking/{booking.id}"):  # fmt: skip
        assert part in page, part


@pytest.mark.parametrize(
    "field", ["customer_name", "pickup_place", "dropoff_place", "notes", "vehicle", "flight_number"]
)
@on_sqlite
def test_script_in_a_booking_is_shown_as_text(admin: FlaskClient, field: str) -> None:
    booking = make_booking(**{field: SCRIPT})
    for path in (f"/admin/bookings/{booking.id}", "/admin/bookings"):
        assert SCRIPT not in admin.get(path).text
    if field != "flight_number":
        assert "&lt;script&gt;" in admin.get(f"/admin/bookings/{booking.id}").text


def test_a_status_is_changed_after_a_question(admin: FlaskClient) -> None:
    booking = make_booking(status="pending")
    page = admin.get(f"/admin/bookings/{booking.id}").text
    assert f"/admin/bookings/{booking.id}/status/confirmed" in page
    assert f"/admin/bookings/{booking.id}/status/paid" not in page
    question = admin.get(f"/admin/bookings/{booking.id}/status/confirmed").text
    assert f"Confirm booking {booking.reference}?" in question and "by mail" in question
    assert admin.post(f"/admin/bookings/{booking.id}/status/confirmed").status_code == 303
    db.session.expire_all()
    assert db.session.get_one(Booking, booking.id).status == "confirmed"
    assert db.session.scalars(sa.select(AuditEntry.action)).all() == ["booking.confirmed"]
    page = admin.get(f"/admin/bookings/{booking.id}").text
    assert "User" in page.split('class="timeline"')[1].split("</ol>")[0]
    assert f'href="/admin/bookings/{booking.id}"' in admin.get("/admin/audit").text


def test_a_move_that_is_not_possible_says_why(admin: FlaskClient) -> None:
    booking = make_booking(status="completed")
    answer = admin.post(f"/admin/bookings/{booking.id}/status/cancelled", follow_redirects=True)
    assert "cannot become" in answer.text
    assert admin.post(f"/admin/bookings/{booking.id}/status/lost", follow_redirects=True).status_code == 200
    assert admin.get(f"/admin/bookings/{booking.id}/status/lost").status_code == 404
    for path in ("/admin/bookings/99999", f"/admin/bookings/{10**30}"):
        assert admin.get(path).status_code == 404
        assert admin.post(f"{path}/status/paid").status_code == 404


def test_who_may_only_read_sees_no_button(signed_in: Member) -> None:
    booking = make_booking(status="pending")
    page = signed_in("support").get(f"/admin/bookings/{booking.id}").text
    assert "/status/" not in page
    assert "Export these" not in signed_in("support").get("/admin/bookings").text
    assert signed_in("support").post(f"/admin/bookings/{booking.id}/status/confirmed").status_code == 403


@on_sqlite
def test_the_risk_of_a_delay_is_asked_for_once_and_then_shown(admin: FlaskClient) -> None:
    tour = make_tour(origin="IST", destination="Fatih", category="airport")
    booking = make_booking(tour, pickup_at=now() + timedelta(days=3))
    page = f"/admin/bookings/{booking.id}"
    assert "Get the delay risk" in admin.get(page).text
    for _ in range(2):
        assert admin.post(f"{page}/delay-risk").status_code == 303
    assert [job.name for job in engine().queue("ai").jobs("waiting", 0, 9).jobs] == ["delay-risk"]
    assert "In progress; the result appears here." in admin.get(page).text
    answer = {"lateMinutes": 15, "probability": 0.31, "level": "high", "expectedMinutes": 9.2,
              "suggestion": {"leaveEarlierMinutes": 20, "text": "x"}}  # fmt: skip
    lookups.store(lookups.DELAY_RISK, DelayRiskRequest().load(lookups.delay_risk_request(booking, "en")), answer)
    assert "Leave 20 minutes earlier." in admin.get(page).text


@on_sqlite
def test_a_tour_and_a_past_transfer_have_no_risk_to_ask_for(admin: FlaskClient) -> None:
    tour = make_booking(make_tour(category="city"), pickup_at=now() + timedelta(days=3))
    past = make_booking(pickup_at=now() - timedelta(days=3))
    unknown = make_booking(make_tour(origin="Nowhereville"), pickup_at=now() + timedelta(days=3))
    for booking in (tour, past, unknown):
        assert "Delay risk" not in admin.get(f"/admin/bookings/{booking.id}").text
    answer = admin.post(f"/admin/bookings/{unknown.id}/delay-risk", follow_redirects=True)
    assert "places of this tour are unknown" in answer.text


# Tours


def tour_form(**fields: Any) -> dict[str, Any]:
    """What the form of a tour sends."""
    given = {
        "title_en": "A day in Ephesus",
        "title_tr": "Efes’te bir gün",
        "description_en": "With lunch.",
        "description_tr": "Öğle yemeği dâhil.",
        "category": "excursion",
        "city": "Izmir",
        "origin": "Selçuk",
        "destination": "Selçuk",
        "duration_minutes": "420",
        "max_passengers": "16",
        "daily_seats": "48",
        "base_price": "68.50",
        "currency": "EUR",
        "active": "y",
    }
    return {**given, **fields}


def test_a_tour_is_written_and_on_sale_at_once(admin: FlaskClient) -> None:
    answer = admin.post("/admin/tours/new", data=tour_form())
    assert answer.status_code == 303, answer.text
    tour = db.session.scalars(sa.select(Tour)).one()
    assert (tour.slug, tour.name, tour.base_price) == ("a-day-in-ephesus", "A day in Ephesus", Decimal("68.50"))
    assert tour.titles == {"en": "A day in Ephesus", "tr": "Efes’te bir gün"}
    assert (tour.daily_seats, tour.airport, tour.distance_km, tour.active) == (48, None, None, True)
    assert "A day in Ephesus" in admin.get("/admin/tours?q=ephesus").text
    assert db.session.scalars(sa.select(AuditEntry.action)).one() == "tour.create"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title_en", ""), ("title_tr", "x" * 201), ("description_en", ""), ("category", "moon"), ("city", ""),
        ("airport", "XXX"), ("duration_minutes", "0"), ("duration_minutes", "long"), ("max_passengers", "51"),
        ("max_passengers", "0"), ("daily_seats", "0"), ("base_price", "0"), ("base_price", "-1"),
        ("base_price", "1.234"), ("base_price", "NaN"), ("base_price", "Infinity"), ("base_price", "1e9"),
        ("base_price", ""), ("currency", "XYZ"), ("slug", "Not A Slug"), ("slug", "taken"),
    ],
)  # fmt: skip
@on_sqlite
def test_a_wrong_field_of_a_tour_is_marked(admin: FlaskClient, field: str, value: str) -> None:
    make_tour(slug="taken")
    answer = admin.post("/admin/tours/new", data=tour_form(**{field: value}))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert len(db.session.scalars(sa.select(Tour)).all()) == 1


def test_an_address_that_somebody_took_meanwhile_is_said_at_its_field(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tour(slug="taken")
    monkeypatch.setattr("gnb.blueprints.admin.tours.slug_is_taken", lambda _slug: False)  # it was free when looked at
    answer = admin.post("/admin/tours/new", data=tour_form(slug="taken"))
    assert answer.status_code == 422
    assert 'id="slug-error"' in answer.text
    assert len(db.session.scalars(sa.select(Tour)).all()) == 1


def test_a_changed_price_is_in_its_history_and_seats_follow(admin: FlaskClient) -> None:
    tour = make_tour(daily_seats=10, category="excursion")
    day = local_day(now()) + timedelta(days=5)
    db.session.add(Departure(tour_id=tour.id, departs_on=day, seats=10, seats_taken=7))
    db.session.commit()
    sent = tour_form(daily_seats="5", base_price="39.90", active="", version="1")
    assert admin.post(f"/admin/tours/{tour.id}/edit", data=sent).status_code == 303
    db.session.expire_all()
    assert (tour.base_price, tour.daily_seats, tour.active) == (Decimal("39.90"), 5, False)
    change = db.session.scalars(sa.select(PriceChange)).one()
    assert (change.cause, change.old_price, change.new_price) == ("manual", Decimal("45.00"), Decimal("39.90"))
    departure = db.session.scalars(sa.select(Departure)).one()
    assert (departure.seats, departure.seats_taken) == (7, 7)
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert entry.action == "tour.change" and "base_price" in entry.details["changed"]
    admin.post(f"/admin/tours/{tour.id}/edit", data=tour_form(daily_seats="", version=str(tour.version)))
    assert db.session.scalars(sa.select(Departure)).all() == []


@on_sqlite
def test_a_campaigns_price_is_never_written_back_by_an_edit_of_the_tour(admin: FlaskClient) -> None:
    tour = make_tour(base_price=Decimal(100))
    running = make_campaign(state="active", discount_percent=20)
    page = admin.get(f"/admin/tours/{tour.id}/edit").text
    assert "€80.00" in page and 'value="100.00"' in page
    admin.post(f"/admin/tours/{tour.id}/edit", data=tour_form(base_price="100.00", version="1"))
    running.state = "ended"
    db.session.commit()
    assert PriceList().of(tour).amount == Decimal(100)


def test_a_stale_edit_of_a_tour_is_rejected_with_both_values(admin: FlaskClient) -> None:
    tour = make_tour(base_price=Decimal(100))
    edit = f"/admin/tours/{tour.id}/edit"
    assert admin.post(edit, data=tour_form(base_price="120.00", version="1")).status_code == 303
    answer = admin.post(edit, data=tour_form(base_price="90.00", version="1"))
    assert answer.status_code == 409
    assert re.search(r"Base price</th>.*120\.00.*90\.00", answer.text)
    db.session.expire_all()
    assert tour.base_price == Decimal(120)
    version = re.search(r'name="version"[^>]* value="(\d+)"', answer.text)
    assert version
    assert admin.post(edit, data=tour_form(base_price="90.00", version=version[1])).status_code == 303
    db.session.expire_all()
    assert tour.base_price == Decimal(90)


def test_of_two_edits_at_once_the_second_is_stale(app: Flask) -> None:
    tour_id = make_tour().id
    with Session(db.engine) as one, Session(db.engine) as other:
        first, second = one.get_one(Tour, tour_id), other.get_one(Tour, tour_id)
        first.base_price, second.base_price = Decimal(1), Decimal(2)
        one.commit()
        with pytest.raises(StaleDataError):
            other.commit()


def test_the_form_shows_the_tour_as_it_is(admin: FlaskClient) -> None:
    tour = make_tour(name=SCRIPT, titles={"en": SCRIPT, "tr": "Tur"}, descriptions={"en": "One\nTwo", "tr": "Bir"})
    page = admin.get(f"/admin/tours/{tour.id}/edit").text
    assert SCRIPT not in page and "&lt;script&gt;" in page and "One\nTwo" in page and 'value="45.00"' in page
    assert SCRIPT not in admin.get("/admin/tours").text
    assert admin.get("/admin/tours/99999/edit").status_code == 404
    assert admin.get(f"/admin/tours/{10**30}/edit").status_code == 404


def test_staff_who_may_only_read_see_tours_and_no_form(signed_in: Member) -> None:
    tour = make_tour()
    client = signed_in("support")
    page = client.get("/admin/tours").text
    assert tour.name in page and "/edit" not in page and "New tour" not in page
    assert client.get(f"/admin/tours/{tour.id}/edit").status_code == 403


@on_sqlite
def test_both_pages_are_in_the_navigation_and_in_turkish(admin: FlaskClient) -> None:
    booking = make_booking()
    for path in ("/admin/bookings", "/admin/tours", f"/admin/bookings/{booking.id}", "/admin/tours/new"):
        page = admin.get(f"{path}?lang=tr").text
        assert 'href="/admin/bookings"' in page and 'href="/admin/tours"' in page
        assert "Rezervasyonlar" in page
