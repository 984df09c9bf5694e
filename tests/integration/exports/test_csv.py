"""The CSV files, read back by Python's own reader and compared with the database row by row."""

import csv
import io
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.extensions import db
from gnb.models import REVENUE_STATUSES, Booking, User, local_day
from gnb.services import export_service
from gnb.services.exports import revenue
from gnb.services.exports.errors import InvalidFilters
from tests.business import make_booking, make_tour, make_user
from tests.servers import on_postgresql, on_sqlite

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows by header, read strictly and without touching line ends inside a cell."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def as_text(value: str) -> str:
    """What a cell says for something that someone typed."""
    return f"'{value}" if value.startswith(tuple(FORMULA_STARTS)) else value


def expected(booking: Booking) -> dict[str, str]:
    """A booking as its row says it."""
    return {
        "Booking ID": str(booking.id),
        "Customer Name": as_text(booking.customer_name),
        "Customer Email": booking.customer_email,
        "Tour": as_text(booking.tour.name),
        "Date": local_day(booking.pickup_at).isoformat(),
        "Guests": str(booking.adults + booking.children + booking.infants),
        "Amount": f"{booking.amount:.2f}",
        "Status": booking.status,
        "Payment Method": booking.payment_method,
        "Created At": booking.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_every_booking_stands_in_the_file_as_in_the_database(bookings: list[Booking]) -> None:
    rows = rows_of(export_service.export_bookings_csv())
    stored = db.session.scalars(db.select(Booking).order_by(Booking.id)).all()
    assert rows == [expected(booking) for booking in stored]


def test_more_bookings_than_one_batch_are_all_there_once(app: Flask) -> None:
    first = make_booking()
    row = {c.name: getattr(first, c.name) for c in Booking.__table__.columns if c.name not in ("id", "reference")}
    db.session.execute(db.insert(Booking), [{**row, "reference": f"R{n}"} for n in range(4500)])
    db.session.commit()
    rows = rows_of(export_service.export_bookings_csv())
    ids = [int(row["Booking ID"]) for row in rows]
    assert ids == list(db.session.scalars(db.select(Booking.id).order_by(Booking.id)))
    assert {row["Created At"] for row in rows} == {first.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")}


@on_postgresql
def test_how_the_database_likes_to_write_times_changes_nothing(bookings: list[Booking]) -> None:
    before = export_service.export_bookings_csv(), export_service.export_users_csv()
    name = db.engine.url.database
    db.session.execute(sa.text(f"""ALTER DATABASE "{name}" SET timezone = 'America/New_York'"""))
    db.session.execute(sa.text(f"""ALTER DATABASE "{name}" SET datestyle = 'German'"""))
    db.session.commit()
    db.engine.dispose()
    assert (export_service.export_bookings_csv(), export_service.export_users_csv()) == before


def test_header_and_line_ends_are_those_of_rfc_4180(bookings: list[Booking]) -> None:
    text = export_service.export_bookings_csv()
    assert text.startswith(
        "Booking ID,Customer Name,Customer Email,Tour,Date,Guests,Amount,Status,Payment Method,Created At\r\n"
    )
    plain = "".join(text.split('"')[::2])  # what stands outside of quotation marks
    assert plain.count("\n") == plain.count("\r\n") == len(bookings) + 1
    assert text.endswith("\r\n")


def test_no_cell_begins_like_a_formula(bookings: list[Booking]) -> None:
    for row in rows_of(export_service.export_bookings_csv()):
        assert not any(cell.startswith(tuple(FORMULA_STARTS)) for cell in row.values())


def test_filters_choose_the_same_bookings_as_a_query(bookings: list[Booking]) -> None:
    tour = bookings[0].tour_id
    filters = {
        "status": ["confirmed", "paid", "pending"],
        "startDate": "2026-02-01",
        "endDate": "2026-04-15",
        "tour": tour,
        "paymentMethod": ["cash", "stripe"],
        "language": ["en", "tr"],
    }
    chosen = [
        str(booking.id)
        for booking in sorted(bookings, key=lambda booking: booking.id)
        if booking.status in ("confirmed", "paid", "pending")
        and date(2026, 2, 1) <= local_day(booking.pickup_at) <= date(2026, 4, 15)
        and booking.tour_id == tour
        and booking.payment_method in ("cash", "stripe")
        and booking.language in ("en", "tr")
    ]
    assert chosen
    assert [row["Booking ID"] for row in rows_of(export_service.export_bookings_csv(filters))] == chosen


def test_a_pickup_after_midnight_in_istanbul_counts_for_that_day(app: Flask) -> None:
    make_booking(pickup_at=datetime(2026, 5, 1, 22, 30, tzinfo=UTC))
    (row,) = rows_of(export_service.export_bookings_csv({"startDate": "2026-05-02", "endDate": "2026-05-02"}))
    assert row["Date"] == "2026-05-02"


def test_no_booking_gives_a_file_of_its_header_alone(app: Flask) -> None:
    text = export_service.export_bookings_csv()
    assert text.count("\r\n") == 1
    assert rows_of(text) == []


def test_users_stand_in_the_file_as_in_the_database(app: Flask) -> None:
    make_user(
        name='=Pat, "the" Cat', role="driver", language="tr", created_at=datetime(2026, 3, 1, 9, 8, 7, tzinfo=UTC)
    )
    for number in range(5):
        make_user(name=f"User\n{number}", role="user")
    stored = db.session.scalars(db.select(User).order_by(User.id)).all()
    assert rows_of(export_service.export_users_csv()) == [
        {
            "User ID": str(user.id),
            "Name": as_text(user.name),
            "Email": user.email,
            "Role": user.role,
            "Language": user.language,
            "Registered At": user.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for user in stored
    ]


def test_users_are_narrowed_by_role_language_and_day_of_registration(app: Flask) -> None:
    late = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)  # already the second of March in Istanbul
    wanted = make_user(role="user", language="tr", created_at=late)
    make_user(role="user", language="de", created_at=late)
    make_user(role="driver", language="tr", created_at=late)
    make_user(role="user", language="tr", created_at=datetime(2026, 3, 2, 21, 30, tzinfo=UTC))
    filters = {"role": "customer", "language": "tr", "startDate": "2026-03-02", "endDate": "2026-03-02"}
    assert [row["User ID"] for row in rows_of(export_service.export_users_csv(filters))] == [str(wanted.id)]


def test_the_first_and_the_last_day_that_there_are_narrow_nothing(app: Flask) -> None:
    make_user()
    everything = {"startDate": "0001-01-01", "endDate": "9999-12-31"}
    assert export_service.export_users_csv(everything) == export_service.export_users_csv()


def test_revenue_adds_up_to_the_cent_by_day_and_tour(bookings: list[Booking]) -> None:
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for booking in bookings:
        if booking.status in REVENUE_STATUSES:
            sums[local_day(booking.pickup_at).isoformat(), as_text(booking.tour.name)].append(booking.amount)
    found = {(row["Date"], row["Tour"]): row for row in rows_of(export_service.export_revenue_csv())}
    assert set(found) == set(sums)
    for key, amounts in sums.items():
        total = sum(amounts)
        average = (total / len(amounts)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert found[key]["Bookings"] == str(len(amounts))
        assert found[key]["Revenue"] == f"{total:.2f}"
        assert found[key]["Avg Booking Value"] == f"{average:.2f}"


def test_revenue_of_cents_that_no_float_holds_is_exact(app: Flask) -> None:
    tour = make_tour()
    for amount in ("90071992547409.93", "0.01", "0.01", "0.02"):
        make_booking(tour, amount=Decimal(amount))
    (row,) = rows_of(export_service.export_revenue_csv())
    assert (row["Revenue"], row["Avg Booking Value"]) == ("90071992547409.97", "22517998136852.49")


def test_currencies_are_never_added_to_one_another(app: Flask) -> None:
    tour = make_tour(name="Boat")
    make_booking(tour, amount=Decimal(10), currency="EUR")
    make_booking(tour, amount=Decimal(20), currency="USD")
    rows = rows_of(export_service.export_revenue_csv())
    assert [(row["Tour"], row["Revenue"]) for row in rows] == [("Boat", "10.00"), ("Boat (USD)", "20.00")]


@on_sqlite
@pytest.mark.parametrize(
    ("make", "filters", "field"),
    [
        (export_service.export_bookings_csv, {"colour": "red"}, "colour"),
        (export_service.export_bookings_csv, {"role": "admin"}, "role"),
        (export_service.export_bookings_csv, {"status": "unheard"}, "status"),
        (export_service.export_bookings_csv, {"startDate": "2026-13-01"}, "startDate"),
        (export_service.export_bookings_csv, {"startDate": 5}, "startDate"),
        (export_service.export_bookings_csv, {"startDate": "2026-02-02", "endDate": "2026-02-01"}, "endDate"),
        (export_service.export_bookings_csv, {"tour": "x"}, "tour"),
        (export_service.export_bookings_csv, {"tour": 10**30}, "tour"),
        (export_service.export_bookings_csv, {"tour": True}, "tour"),
        (export_service.export_revenue_csv, {"status": "pending"}, "status"),
        (export_service.export_users_csv, {"status": "paid"}, "status"),
        (export_service.export_users_csv, {"role": ["user", 5]}, "role"),
    ],
)
def test_a_wrong_filter_is_refused_by_its_name(app: Flask, make: Any, filters: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFilters) as refused:
        make(filters)
    assert list(refused.value.errors) == [field]


@on_sqlite
@pytest.mark.parametrize("filters", [{}, {"start_date": date(2027, 1, 1)}, {"currency": ["EUR"]}])
def test_sqlite_adds_revenue_up_from_its_index_alone(app: Flask, filters: dict[str, Any]) -> None:
    query = revenue.by_day_and_tour(filters)
    text = query.compile(db.engine, compile_kwargs={"literal_binds": True}).string
    with db.engine.connect() as connection:
        steps = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert any("bookings USING COVERING INDEX ix_bookings_revenue" in step for step in steps), steps
