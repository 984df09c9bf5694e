"""The demo data is whole, believable and the same for the same seed."""

import csv
from collections import Counter
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.models import (
    HOME_ZONE,
    ROLES,
    Booking,
    BookingExtra,
    Campaign,
    Departure,
    Extra,
    NotificationSetting,
    Passenger,
    Tour,
    User,
    db,
)
from gnb.services import demo
from gnb.services.accounts import authentication
from gnb.services.demo.bookings import reference_of
from gnb.services.pricing.quotes import Party, fares
from tests.servers import on_sqlite

UNTIL = date(2026, 7, 15)
COUNT = 600


@pytest.fixture
def loaded(app: Flask) -> demo.Loaded:
    return demo.load(COUNT, seed=3, until=UNTIL, password="a password for all")


def test_a_load_is_whole_on_either_database(loaded: demo.Loaded) -> None:
    assert loaded.bookings == COUNT == _count(Booking)
    assert loaded.passengers == _count(Passenger) == db.session.scalar(sa.select(sa.func.sum(Booking.guests)))
    assert {role for (role,) in db.session.execute(sa.select(User.role).distinct())} == set(ROLES)
    assert _count(Tour) == loaded.tours
    assert min(_count(Campaign), _count(Extra), _count(BookingExtra), _count(NotificationSetting)) > 0


@on_sqlite
def test_an_amount_is_a_price_level_plus_the_extras(loaded: demo.Loaded) -> None:
    for booking in db.session.scalars(sa.select(Booking).limit(200)):
        price = booking.amount - sum(extra.total for extra in booking.extras)
        fare = booking.tour.base_price * fares(
            booking.tour.category, Party(booking.adults, booking.children, booking.infants)
        )
        assert 0.84 < price / fare < 1.11


@on_sqlite
def test_travel_dates_are_the_days_in_istanbul(loaded: demo.Loaded) -> None:
    for pickup, day in db.session.execute(sa.select(Booking.pickup_at, Booking.travel_date)):
        assert pickup.astimezone(HOME_ZONE).date() == day


@on_sqlite
def test_times_follow_from_one_another(loaded: demo.Loaded) -> None:
    for booking in db.session.scalars(sa.select(Booking)):
        assert booking.created_at < booking.pickup_at
        assert booking.created_at.astimezone(HOME_ZONE).date() < UNTIL
        assert (booking.paid_at is not None) == (booking.status in ("paid", "completed"))
        assert (booking.cancelled_at is not None) == (booking.status == "cancelled")
        if booking.actual_arrival_at:
            assert booking.status == "completed"
            assert booking.actual_pickup_at and booking.actual_pickup_at < booking.actual_arrival_at
        if booking.status == "completed":
            assert booking.travel_date < UNTIL


@on_sqlite
def test_nobody_books_before_having_an_account(loaded: demo.Loaded) -> None:
    early = sa.select(sa.func.count()).select_from(Booking).join(User, Booking.user_id == User.id)
    assert db.session.scalar(early.where(User.created_at > Booking.created_at)) == 0


def test_seats_taken_are_those_of_the_bookings(loaded: demo.Loaded) -> None:
    assert _count(Departure) > 0
    for departure in db.session.scalars(sa.select(Departure)):
        guests = sa.select(sa.func.sum(Booking.guests)).where(
            Booking.tour_id == departure.tour_id,
            Booking.travel_date == departure.departs_on,
            Booking.status != "cancelled",
        )
        assert db.session.scalar(guests) == departure.seats_taken <= departure.seats


@on_sqlite
def test_staff_can_sign_in_with_the_password_given(loaded: demo.Loaded) -> None:
    user = authentication.authenticate("manager@gnb-transfer.example", "a password for all", kind="session")
    assert user.role == "manager"


def test_a_new_row_gets_a_number_of_its_own_after_a_load(loaded: demo.Loaded) -> None:
    user = User(email="new@example.com", name="New")
    db.session.add(user)
    db.session.commit()
    assert user.id == db.session.scalar(sa.select(sa.func.max(User.id)))


def test_a_second_load_adds_to_the_first(loaded: demo.Loaded) -> None:
    again = demo.load(100, seed=3, until=UNTIL)
    assert (again.bookings, again.tours) == (100, 0)
    assert _count(Booking) == COUNT + 100


@on_sqlite
def test_the_same_seed_gives_the_same_rows(app: Flask) -> None:
    def rows() -> list[Any]:
        demo.load(200, seed=9, until=UNTIL)
        tables = [db.metadata.tables[name] for name in ("bookings", "passengers", "booking_extras", "users", "tours")]
        found: list[Any] = []
        for table in tables:
            keep = [column for column in table.columns if column.name not in ("updated_at", "created_at")]
            found += db.session.execute(sa.select(*keep).order_by(*table.primary_key.columns)).all()
        for table in reversed(db.metadata.sorted_tables):
            db.session.execute(sa.delete(table))
        db.session.commit()
        return found

    assert rows() == rows()


@on_sqlite
def test_seasons_weekdays_and_growth_can_be_seen(app: Flask) -> None:
    demo.load(4000, seed=4, until=UNTIL)
    days = [day for (day,) in db.session.execute(sa.select(Booking.travel_date).where(Booking.travel_date < UNTIL))]
    months = Counter(day.month for day in days)
    weekdays = Counter(day.isoweekday() for day in days)
    middle = UNTIL - timedelta(days=365)
    assert months[8] > 2.5 * months[2]
    assert weekdays[6] > 1.2 * weekdays[2]
    assert sum(day >= middle for day in days) > 1.15 * sum(day < middle for day in days)
    assert max(days) - min(days) > timedelta(days=700)
    cells = {name for (name,) in db.session.execute(sa.select(Booking.customer_name))}
    for letter in (",", '"', "\n", "ş", "م", "и"):
        assert any(letter in cell.lower() for cell in cells), letter
    for start in "=+-@\t":
        assert any(cell.startswith(start) for cell in cells), start


@on_sqlite
def test_awkward_names_survive_the_database_and_csv(app: Flask) -> None:
    from gnb.services.demo.people import AWKWARD_NAMES

    demo.load(3000, seed=5, until=UNTIL)
    stored = {name for (name,) in db.session.execute(sa.select(Booking.customer_name))}
    found = [name for name in AWKWARD_NAMES if name in stored]
    assert len(found) > len(AWKWARD_NAMES) // 2
    written = StringIO(newline="")
    csv.writer(written).writerows([name] for name in found)
    written.seek(0)
    assert [row[0] for row in csv.reader(written)] == found


@on_sqlite
def test_progress_is_told_and_an_interrupted_load_leaves_nothing(app: Flask) -> None:
    told: list[int] = []

    def interrupt(done: int) -> None:
        told.append(done)
        if done >= 4000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.load(5000, seed=1, until=UNTIL, progress=interrupt)
    db.session.rollback()
    assert told == [2000, 4000]
    assert _count(Booking) == _count(Tour) == 0


def test_references_are_unlike_and_short() -> None:
    references = {reference_of(number) for number in range(1, 50_000)}
    assert len(references) == 49_999
    assert {len(reference) for reference in references} == {10}


def _count(model: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
