"""What the tables keep, and what they refuse, on both databases."""

import traceback
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError, StatementError

from gnb.models import Booking, BookingExtra, Delivery, Departure, Export, Extra, Money, Passenger, Tour, User, db


def make_tour(**columns: Any) -> Tour:
    values: dict[str, Any] = {
        "slug": "istanbul-airport-to-taksim",
        "name": "Istanbul Airport to Taksim",
        "titles": {"en": "Istanbul Airport to Taksim", "tr": "İstanbul Havalimanı – Taksim"},
        "category": "airport",
        "city": "Istanbul",
        "origin": "IST",
        "destination": "Taksim",
        "duration_minutes": 55,
        "base_price": Decimal("45.00"),
    }
    tour = Tour(**{**values, **columns})
    db.session.add(tour)
    db.session.flush()
    return tour


def make_booking(tour: Tour, reference: str = "GNB-AAAAAA", **columns: Any) -> Booking:
    values: dict[str, Any] = {
        "customer_name": "Şule Öztürk",
        "customer_email": "Sule@Example.com",
        "customer_phone": "+905321234567",
        "pickup_at": datetime(2026, 7, 1, 9, 30, tzinfo=UTC),
        "pickup_place": "IST, arrivals",
        "amount": Decimal("45.00"),
        "payment_method": "cash",
    }
    booking = Booking(reference=reference, tour=tour, **{**values, **columns})
    db.session.add(booking)
    db.session.flush()
    return booking


def test_a_sum_of_amounts_is_exact_to_the_cent(app: Flask) -> None:
    tour = make_tour()
    amounts = [Decimal("0.10"), Decimal("0.20"), Decimal("90071992547409.93"), Decimal("12.34")]
    for number, amount in enumerate(amounts):
        make_booking(tour, f"GNB-{number}", amount=amount)

    total = db.session.scalar(sa.select(sa.func.sum(Booking.amount)))

    assert total == sum(amounts)
    assert isinstance(total, Decimal)


def test_the_sum_of_nothing_is_none_and_coalesces_to_zero(app: Flask) -> None:
    assert db.session.scalar(sa.select(sa.func.sum(Booking.amount))) is None
    assert db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Booking.amount), 0))) == Decimal("0.00")


def test_amounts_compare_and_multiply_as_amounts(app: Flask) -> None:
    tour = make_tour()
    make_booking(tour, amount=Decimal("19.99"))

    assert db.session.scalar(sa.select(sa.func.count()).where(Booking.amount > Decimal("19.98"))) == 1
    doubled = sa.type_coerce(Booking.amount * 2, Money())
    assert db.session.scalar(sa.select(doubled)) == Decimal("39.98")


@pytest.mark.parametrize("amount", [Decimal("1.005"), 1.5])
def test_an_amount_that_would_be_rounded_is_refused(app: Flask, amount: Any) -> None:
    with pytest.raises(StatementError):
        make_tour(base_price=amount)


def test_instants_come_back_aware_and_in_utc(app: Flask) -> None:
    pickup = datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=3)))
    booking = make_booking(make_tour(), pickup_at=pickup)
    db.session.commit()

    stored = db.session.get_one(Booking, booking.id, populate_existing=True).pickup_at

    assert stored == pickup
    assert stored.utcoffset() == timedelta(0)


def test_an_instant_without_a_zone_is_refused(app: Flask) -> None:
    export = Export(type="bookings-csv", expires_at=datetime(2026, 7, 1))
    db.session.add(export)
    with pytest.raises(StatementError):
        db.session.flush()


def test_instants_are_filtered_by_moment_whatever_their_zone(app: Flask) -> None:
    make_booking(make_tour(), pickup_at=datetime(2026, 7, 1, 9, 30, tzinfo=UTC))
    istanbul = timezone(timedelta(hours=3))
    for minute, found in ((30, 1), (31, 0)):
        start = datetime(2026, 7, 1, 12, minute, tzinfo=istanbul)
        assert db.session.scalar(sa.select(sa.func.count()).where(Booking.pickup_at >= start)) == found


def test_the_travel_date_is_the_day_in_istanbul(app: Flask) -> None:
    booking = make_booking(make_tour(), pickup_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    assert booking.travel_date == date(2026, 7, 2)


def test_guests_are_counted_in_queries_and_in_python(app: Flask) -> None:
    booking = make_booking(make_tour(), adults=2, children=1, infants=1)
    assert booking.guests == 4
    assert db.session.scalar(sa.select(sa.func.sum(Booking.guests))) == 4


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "lost"},
        {"payment_method": "cheque"},
        {"currency": "XAU"},
        {"language": "xx"},
        {"amount": Decimal("-0.01")},
        {"adults": 0},
        {"adults": 51},
        {"arrival_at": datetime(2026, 7, 1, 9, 0, tzinfo=UTC)},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_a_booking_that_cannot_be_is_refused(app: Flask, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        make_booking(make_tour(), **columns)


def test_a_tour_with_bookings_cannot_be_deleted(app: Flask) -> None:
    tour = make_tour()
    make_booking(tour)
    with pytest.raises(IntegrityError):
        db.session.execute(sa.delete(Tour).where(Tour.id == tour.id))


def test_deleting_a_booking_takes_its_people_and_extras_along(app: Flask) -> None:
    db.session.add(Extra(code="child-seat", price=Decimal("5.00")))
    booking = make_booking(
        make_tour(),
        passengers=[Passenger(position=1, name="Şule Öztürk")],
        extras=[BookingExtra(code="child-seat", quantity=2, unit_price=Decimal("5.00"))],
    )
    assert booking.extras[0].total == Decimal("10.00")
    db.session.execute(sa.delete(Booking).where(Booking.id == booking.id))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Passenger)) == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BookingExtra)) == 0


def test_seats_cannot_be_oversold(app: Flask) -> None:
    departure = Departure(tour=make_tour(), departs_on=date(2026, 7, 1), seats=3, seats_taken=3)
    db.session.add(departure)
    db.session.flush()
    departure.seats_taken = 4
    with pytest.raises(IntegrityError):
        db.session.flush()


def test_an_account_is_one_for_each_address_whatever_its_case(app: Flask) -> None:
    db.session.add(User(email="Ayse@Example.com ", name="Ayşe"))
    db.session.flush()
    db.session.add(User(email="ayse@example.COM", name="Ayşe"))
    with pytest.raises(IntegrityError):
        db.session.flush()


def test_a_message_is_planned_once(app: Flask) -> None:
    row = {"unique_key": "booking-confirmation:1", "kind": "booking-confirmation", "recipient": "a@b.example"}
    for _ in range(2):
        db.session.execute(_insert_ignore(Delivery), [row])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 1


def test_a_completed_export_names_its_file(app: Flask) -> None:
    db.session.add(Export(type="bookings-csv", state="completed"))
    with pytest.raises(IntegrityError):
        db.session.flush()


def test_texts_by_language_fall_back_to_english(app: Flask) -> None:
    tour = make_tour()
    db.session.commit()
    assert tour.title("tr") == "İstanbul Havalimanı – Taksim"
    assert tour.title("ru") == "Istanbul Airport to Taksim"
    assert db.session.scalar(sa.select(Tour.titles["tr"].as_string())) == tour.title("tr")


def _insert_ignore(model: type) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(model).on_conflict_do_nothing()


def test_an_error_tells_nothing_that_people_typed(app: Flask) -> None:
    db.session.add(User(email="sule@example.com", name="Şule Öztürk"))
    db.session.commit()
    for wrong in (User(email="sule@example.com", name="Şule Öztürk"), User(email="a@b.example", name="Şule", role="x")):
        db.session.add(wrong)
        with pytest.raises(IntegrityError) as refused:
            db.session.commit()
        db.session.rollback()
        told = "".join(traceback.format_exception(refused.value))
        assert "INSERT INTO users" in told
        assert "example" not in told and "Şule" not in told
