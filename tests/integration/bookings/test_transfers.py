"""Transfers: who drives and when, recorded by dispatchers and drivers; the list of a day; past trips from a file."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.models import AuditEntry, Booking, Delivery, PastTrip, Tour, User, db, local_day, now
from gnb.services.ai import delay_risk, trips
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.ai.trips import InvalidTrips, import_trips
from gnb.services.bookings.transfers import minutes_late, transfers_of
from tests.business import make_booking, make_tour, make_user
from tests.integration.api.conftest import Caller, accounts, calling_as
from tests.servers import on_sqlite
from tests.sessions import sign_in

__all__ = ["accounts", "calling_as"]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.fixture
def road(app: Flask) -> Tour:
    return make_tour(slug="ist-fatih", airport="IST", origin="IST", destination="Fatih", distance_km=48)


@pytest.fixture
def ride(road: Tour) -> Booking:
    """A transfer that began an hour ago and should have arrived by now."""
    pickup = now() - minutes(60)
    return make_booking(road, pickup_at=pickup, arrival_at=pickup + minutes(55))


@pytest.fixture
def record(calling_as: Callable[[str | None], Caller], ride: Booking) -> Callable[..., Any]:
    """Sends a change of the ride as an account of a role."""

    def send(role: str | None, booking: Booking = ride, **change: Any) -> Any:
        return calling_as(role)("PATCH", f"/api/v1/bookings/{booking.reference}/transfer", json=change)

    return send


def iso(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()


def test_staff_record_driver_vehicle_pickup_and_arrival(
    record: Callable[..., Any], ride: Booking, accounts: dict[str, User]
) -> None:
    driver, pickup = accounts["driver"], ride.pickup_at
    answer = record("support", driverId=driver.id, vehicle="Vito,  34 GNB 1", pickedUpAt=iso(pickup + minutes(4)))
    assert answer.status_code == 200, answer.json
    assert answer.json["data"]["driver"] == "Driver"
    assert record("admin", arrivedAt=iso(pickup + minutes(58))).json["data"]["minutesLate"] == 0
    db.session.refresh(ride)
    assert (ride.driver_id, ride.vehicle) == (driver.id, "Vito, 34 GNB 1")
    assert ride.actual_pickup_at == (pickup + minutes(4)).replace(microsecond=0)
    assert ride.actual_arrival_at == (pickup + minutes(58)).replace(microsecond=0)
    entries = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, sorted(entry.details)) for entry in entries] == [
        ("booking.transfer", ["actual_pickup_at", "driver_id", "vehicle"]),
        ("booking.transfer", ["actual_arrival_at"]),
    ]
    assert record("admin", vehicle=None, driverId=None).json["data"]["driver"] is None


@on_sqlite
@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"pickedUpAt": iso(now() + minutes(600))}, "pickedUpAt", "in the future"),
        ({"arrivedAt": iso(now())}, "arrivedAt", "Record the pickup first"),
        ({"pickedUpAt": iso(now() - minutes(10)), "arrivedAt": iso(now() - minutes(11))}, "arrivedAt", "not after"),
        ({"pickedUpAt": iso(now() - timedelta(days=3))}, "pickedUpAt", "more than a day away"),
        ({"pickedUpAt": "2026-01-01T10:00:00"}, "pickedUpAt", "Not a valid"),
        ({"driverId": 999}, "driverId", "is no driver"),
        ({"driverId": "1"}, "driverId", "Not a valid integer"),
        ({"vehicle": "x" * 81}, "vehicle", "maximum length 80"),
        ({"amount": 1}, "amount", "Unknown field"),
    ],
)
def test_what_cannot_be_true_is_rejected_by_field(
    record: Callable[..., Any], ride: Booking, change: dict[str, Any], field: str, words: str
) -> None:
    answer = record("admin", **change)
    assert answer.status_code == 422
    assert words in str(answer.json["error"]["details"][field])
    db.session.refresh(ride)
    assert ride.actual_pickup_at is ride.actual_arrival_at is ride.driver_id is None


@on_sqlite
def test_a_driver_records_the_times_of_own_transfers_only(
    record: Callable[..., Any], ride: Booking, accounts: dict[str, User]
) -> None:
    picked_up = {"pickedUpAt": iso(now() - minutes(5))}
    assert record("driver", **picked_up).status_code == 404
    ride.driver_id = accounts["driver"].id
    db.session.commit()
    assert record("driver", vehicle="mine").status_code == 403
    assert record("driver", driverId=None).status_code == 403
    assert record("driver", **picked_up).status_code == 200
    other = make_booking(ride.tour, driver_id=make_user(role="driver").id)
    assert record("driver", other, **picked_up).status_code == 404
    assert [record(role, **picked_up).status_code for role in (None, "user")] == [401, 403]


@on_sqlite
def test_nothing_is_recorded_of_a_cancelled_booking(record: Callable[..., Any], road: Tour) -> None:
    gone = make_booking(road, status="cancelled", pickup_at=now() - minutes(30))
    answer = record("admin", gone, pickedUpAt=iso(now() - minutes(5)))
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "invalid_booking_state")


@on_sqlite
def test_a_transfer_is_late_by_what_should_have_happened(app: Flask, road: Tour) -> None:
    pickup = now()
    booking = make_booking(road, pickup_at=pickup, arrival_at=pickup + minutes(60))
    assert [minutes_late(booking, pickup + minutes(m)) for m in (14, 15, 40)] == [0, 15, 40]
    booking.actual_pickup_at = pickup + minutes(20)
    assert [minutes_late(booking, pickup + minutes(m)) for m in (40, 74, 90)] == [0, 0, 30]
    booking.actual_arrival_at = pickup + minutes(80)
    assert minutes_late(booking, pickup + minutes(999)) == 20


def test_the_list_of_a_day_has_its_transfers_by_time_and_their_confirmation(app: Flask, road: Tour) -> None:
    day = datetime(2027, 3, 1, tzinfo=UTC)
    late = make_booking(road, pickup_at=day + minutes(20 * 60 + 59))
    early = make_booking(road, pickup_at=day - minutes(180))
    make_booking(road, pickup_at=day + minutes(21 * 60))
    make_booking(road, pickup_at=day - minutes(181))
    make_booking(road, pickup_at=day, status="cancelled")
    make_booking(make_tour(category="city"), pickup_at=day)
    pending = make_booking(road, pickup_at=day + minutes(60), status="pending")
    for state in ("sent", "failed"):
        db.session.add(Delivery(kind="booking-confirmation", state=state, booking_id=late.id, recipient="a@b.example"))
    received = {"received": True}
    kind = "booking-confirmation"
    db.session.add(Delivery(kind=kind, state="sent", booking_id=early.id, recipient="a@b.example", content=received))
    failed = Delivery(kind=kind, state="failed", booking_id=early.id, recipient="a@b.example")
    db.session.add(failed)
    db.session.commit()
    found = transfers_of(local_day(day))
    assert [each.booking.id for each in found] == [early.id, pending.id, late.id]
    assert [each.unconfirmed for each in found] == [True, False, False]
    assert found[0].confirmation == failed


# Pages


@pytest.fixture
def client_of(app: Flask) -> Callable[[User], FlaskClient]:
    app.config["WTF_CSRF_ENABLED"] = False

    def client(user: User) -> FlaskClient:
        browser = app.test_client()
        sign_in(browser, user)
        return browser

    return client


@on_sqlite
def test_the_page_shows_late_transfers_without_confirmation_and_its_failed_mail(
    client_of: Callable[[User], FlaskClient], road: Tour, ride: Booking
) -> None:
    failed = Delivery(kind="booking-confirmation", state="failed", booking_id=ride.id, recipient="a@b.example")
    db.session.add(failed)
    db.session.commit()
    support = client_of(make_user(role="support"))
    page = support.get(f"/admin/transfers?day={local_day(ride.pickup_at)}").text
    assert ride.reference in page and "TK1" in page and "60 min late" in page
    assert f'href="/admin/emails/{failed.id}"' in page
    assert support.post(f"/admin/transfers/{ride.reference}/picked-up").status_code == 303
    assert support.post(f"/admin/transfers/{ride.reference}/lost").status_code == 404
    for query in ("day=soon", "day=9999-12-31", "day=0001-01-01"):
        assert support.get(f"/admin/transfers?{query}").status_code == 200
    pdf = support.get(f"/admin/transfers/list.pdf?day={local_day(ride.pickup_at)}")
    assert (pdf.mimetype, pdf.data[:5]) == ("application/pdf", b"%PDF-")


@on_sqlite
def test_a_driver_sees_and_records_own_transfers_and_nothing_else(
    client_of: Callable[[User], FlaskClient], road: Tour, ride: Booking
) -> None:
    driver = make_user(role="driver")
    other = make_booking(road, pickup_at=now(), driver_id=make_user(role="driver").id)
    ride.driver_id = driver.id
    db.session.commit()
    browser = client_of(driver)
    page = browser.get(f"/admin/transfers?day={local_day(ride.pickup_at)}").text
    assert ride.reference in page and "Picked up" in page and ">Arrived<" not in page
    assert other.reference not in page and "/admin/audit" not in page and 'href="/admin/"' not in page
    assert browser.post(f"/admin/transfers/{other.reference}/picked-up").status_code == 404
    browser.post(f"/admin/transfers/{ride.reference}/picked-up")
    db.session.refresh(ride)
    first = ride.actual_pickup_at
    assert first
    browser.post(f"/admin/transfers/{ride.reference}/picked-up")
    db.session.refresh(ride)
    assert ride.actual_pickup_at == first, "pressing twice keeps the first time"
    ride.actual_pickup_at = first - minutes(30)
    db.session.commit()
    assert ">Arrived<" in browser.get(f"/admin/transfers?day={local_day(ride.pickup_at)}").text
    browser.post(f"/admin/transfers/{ride.reference}/arrived")
    db.session.refresh(ride)
    assert ride.actual_arrival_at


@on_sqlite
def test_the_form_of_a_transfer_keeps_what_it_shows(client_of: Callable[[User], FlaskClient], ride: Booking) -> None:
    driver = make_user(role="driver", name="Hakan Sürücü")
    support, path = client_of(make_user(role="support")), f"/admin/bookings/{ride.id}/transfer"
    form = {"driverId": str(driver.id), "vehicle": "Vito", "pickedUpAt": "", "arrivedAt": ""}
    assert support.post(path, data=form).status_code == 303
    ride.actual_pickup_at = now().replace(microsecond=0) - minutes(5)
    db.session.commit()
    page = support.get(path).text
    assert "Hakan Sürücü" in page
    shown = page.split('name="pickedUpAt" value="')[1].split('"')[0]
    before = ride.actual_pickup_at
    assert support.post(path, data={**form, "vehicle": "Sprinter", "pickedUpAt": shown}).status_code == 303
    db.session.refresh(ride)
    assert (ride.vehicle, ride.actual_pickup_at) == ("Sprinter", before)
    answer = support.post(path, data={**form, "arrivedAt": "tomorrow"})
    assert answer.status_code == 422 and "error-text" in answer.text


# Past trips

HEAD = "Tour,Pickup,Planned arrival,Arrived\n"


def test_past_trips_are_imported_and_learned_from(app: Flask, road: Tour) -> None:
    lines = "ist-fatih,2026-05-01 14:30,2026-05-01 15:30,2026-05-01 15:42\n"
    lines += "ist-fatih,2026-05-02T14:10+03:00,,2026-05-02 15:10\n"
    assert import_trips(("\ufeff" + HEAD + lines).encode()) == 2
    assert import_trips(b"arrived;TOUR;pickup\n2026-05-03 15:00;ist-fatih;2026-05-03 14:20") == 1
    found = trips.finished_trips(db.session.connection())
    assert [trip.delay for trip in found] == [12, 0, -20]
    asked = {"origin": "IST", "destination": "Fatih", "scheduledTime": "2027-01-01T14:00:00+03:00"}
    answer = delay_risk.assess(DelayRiskRequest().load(asked))
    assert (answer["method"], answer["learnedFrom"], answer["nineOfTenWithin"]) == ("percentiles", 3, 12)
    assert (answer["probability"], answer["reasons"]) == (0, [])
    assert len(answer["byHour"]) == 24


@on_sqlite
def test_every_bad_line_is_named_and_nothing_is_imported(app: Flask, road: Tour) -> None:
    make_tour(slug="walk", category="city")
    good = "ist-fatih,2026-05-01 14:30,2026-05-01 15:30,2026-05-01 15:42\n"
    bad = [
        "nowhere,2026-05-01 14:30,,2026-05-01 15:42",
        "walk,2026-05-01 14:30,,2026-05-01 15:42",
        "ist-fatih,yesterday,,2026-05-01 15:42",
        "ist-fatih,2026-05-01 14:30,,2026-05-01 14:30",
        f"ist-fatih,2026-05-01 14:30,,{now().year + 1}-05-01 14:30",
        "ist-fatih,2026-05-01 14:30,,2026-05-04 14:30",
        good.strip(),
        "ist-fatih",
    ]
    with pytest.raises(InvalidTrips) as rejected:
        import_trips((HEAD + good + "\n".join(bad)).encode())
    assert [number for number, _ in rejected.value.lines] == list(range(3, 11))
    assert "8 lines are invalid" in str(rejected.value)
    assert db.session.query(PastTrip).count() == 0
    for content in (
        b"",
        b"\xff\xfe",
        b"Tour,Pickup\n",
        HEAD.encode(),
        (HEAD + '"').encode(),
        (HEAD + good * 20_001).encode(),
    ):
        with pytest.raises(InvalidTrips):
            import_trips(content)


@on_sqlite
def test_the_page_imports_a_file(client_of: Callable[[User], FlaskClient], road: Tour) -> None:
    admin, path = client_of(make_user(role="admin")), "/admin/transfers/import"

    def upload(content: bytes) -> Any:
        return admin.post(path, data={"file": (io.BytesIO(content), "trips.csv")}, content_type="multipart/form-data")

    answer = upload((HEAD + "nowhere,2026-05-01 14:30,,2026-05-01 15:42\n").encode())
    assert answer.status_code == 422
    assert "Line 2: There is no tour" in answer.text
    assert upload((HEAD + "ist-fatih,2026-05-01 14:30,,2026-05-01 15:42\n").encode()).status_code == 303
    assert "1 are imported" in admin.get(path).text
    assert admin.post(path).status_code == 422
    assert upload(b"x" * 1_100_000).status_code == 413
