"""Loads the demo data in one transaction, by bulk inserts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import (
    Booking,
    BookingExtra,
    Campaign,
    Departure,
    Extra,
    NotificationSetting,
    Passenger,
    Tour,
    User,
    local_midnight,
)
from gnb.services.accounts import passwords
from gnb.services.demo import catalogue, delays, people
from gnb.services.demo.bookings import Business, Drawn, Product, draw_bookings

BATCH = 2000
CACHE_KILOBYTES = 128 * 1024
_CATEGORY_WEIGHT = {
    "airport": 6.0,
    "transfer": 4.0,
    "vip": 1.5,
    "city": 3.0,
    "tour": 4.0,
    "excursion": 3.0,
    "package": 0.8,
}
_CITY_WEIGHT = {"Istanbul": 2.2, "Antalya": 1.8, "Izmir": 0.9, "Bodrum": 0.9, "Dalaman": 0.8}


@dataclass(frozen=True)
class Loaded:
    """Counts of the rows that were added."""

    bookings: int
    passengers: int
    customers: int
    tours: int


def load(
    count: int,
    seed: int,
    until: date,
    password: str | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Loaded:
    """Add `count` bookings up to the day `until`, with tours, customers and campaigns: everything or nothing.

    The same seed, day and database give the same rows. Existing rows are kept.

    Args:
        password: Of the staff accounts; without one they cannot sign in.
        progress: Called with the number of bookings written.
    """
    rng = Random(seed)
    connection = db.session.connection()
    with _room_for_indexes(connection):
        loaded = _load(connection, count, until, rng, password, progress)
        db.session.commit()
    return loaded


def _load(
    connection: sa.Connection,
    count: int,
    until: date,
    rng: Random,
    password: str | None,
    progress: Callable[[int], None],
) -> Loaded:
    end = local_midnight(until)
    tours_before = _count(connection, Tour)
    _add_catalogue(connection, end, password)
    business = _add_accounts(connection, count, until, end, rng)
    passengers = 0
    done = 0
    for batch in _batches(draw_bookings(business, count, rng)):
        passengers += _write(connection, batch)
        done += len(batch)
        progress(done)
    _add_departures(connection, until)
    _number_on(connection)
    return Loaded(done, passengers, len(business.customers), _count(connection, Tour) - tours_before)


@contextmanager
def _room_for_indexes(connection: sa.Connection) -> Iterator[None]:
    """Enlarge SQLite's page cache of 2 MB, with which every insert into a large index reads and writes the file."""
    if connection.dialect.name != "sqlite":
        yield
        return
    opened: Any = connection.connection.dbapi_connection
    (cache,) = opened.execute("PRAGMA cache_size").fetchone()
    opened.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
    try:
        yield
    finally:
        opened.execute(f"PRAGMA cache_size = {cache}")


def _count(connection: sa.Connection, model: type) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def _add_catalogue(connection: sa.Connection, end: datetime, password: str | None) -> None:
    password_hash = passwords.hash_password(password) if password else None
    _add_missing(connection, Extra, Extra.code, catalogue.extras())
    _add_missing(connection, Tour, Tour.slug, [{**row, "created_at": end} for row in catalogue.tours()])
    _add_missing(connection, Campaign, Campaign.name, campaigns(end))
    _add_missing(connection, User, User.email, people.staff(password_hash, end))


def _add_missing(connection: sa.Connection, model: type, key: Any, rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose key does not exist yet."""
    there = set(connection.scalars(sa.select(key)))
    for row in rows:
        if row[key.key] not in there:
            connection.execute(sa.insert(model).values(row))


def _add_accounts(connection: sa.Connection, count: int, until: date, end: datetime, rng: Random) -> Business:
    start = end - timedelta(days=delays.MONTHS_BACK * 31)
    first_driver = _next_id(connection, User)
    driver_rows = people.drivers(first_driver, end, rng)
    first_customer = first_driver + len(driver_rows)
    customers = people.customers(first_customer, max(count // people.BOOKINGS_PER_ACCOUNT, 1), start, end, rng)
    for rows in _batches(iter([*driver_rows, *people.customer_rows(first_customer, customers)])):
        connection.execute(sa.insert(User), rows)
    if wishes := people.unsubscribed(customers, end, rng):
        connection.execute(sa.insert(NotificationSetting), wishes)
    return Business(
        products=_products(connection),
        extras={row.code: row.price for row in connection.execute(sa.select(Extra.code, Extra.price))},
        customers=customers,
        first_customer=first_customer,
        drivers=[row["id"] for row in driver_rows],
        first_booking=_next_id(connection, Booking),
        until=until,
    )


def _products(connection: sa.Connection) -> list[Product]:
    slugs = [row["slug"] for row in catalogue.tours()]
    rows = connection.execute(sa.select(Tour.__table__).where(Tour.slug.in_(slugs)).order_by(Tour.id))
    return [
        Product(
            id=row.id,
            category=row.category,
            city=row.city,
            airport=row.airport,
            town=row.destination if row.origin == row.airport else row.origin,
            outward=row.origin == row.airport,
            kilometres=row.distance_km or 0,
            minutes=row.duration_minutes,
            max_passengers=row.max_passengers,
            price=Decimal(row.base_price),
            weight=_CATEGORY_WEIGHT[row.category] * _CITY_WEIGHT.get(row.city, 0.5),
        )
        for row in rows
    ]


def _write(connection: sa.Connection, batch: list[Drawn]) -> int:
    connection.execute(sa.insert(Booking), [drawn.booking for drawn in batch])
    passengers = [row for drawn in batch for row in drawn.passengers]
    connection.execute(sa.insert(Passenger), passengers)
    if extras := [row for drawn in batch for row in drawn.extras]:
        connection.execute(sa.insert(BookingExtra), extras)
    return len(passengers)


def _add_departures(connection: sa.Connection, until: date) -> None:
    """Add the departures of the coming days, with the seats that bookings have taken."""
    connection.execute(sa.delete(Departure).where(Departure.departs_on >= until))
    taken = (
        sa.select(Booking.tour_id, Booking.travel_date, sa.func.sum(Booking.guests), Tour.daily_seats)
        .join(Tour)
        .where(Tour.daily_seats.is_not(None), Booking.travel_date >= until, Booking.status != "cancelled")
        .group_by(Booking.tour_id, Booking.travel_date, Tour.daily_seats)
    )
    rows = [
        {"tour_id": tour_id, "departs_on": day, "seats": max(seats or 0, guests), "seats_taken": guests}
        for tour_id, day, guests, seats in connection.execute(taken)
    ]
    if rows:
        connection.execute(sa.insert(Departure), rows)


def _next_id(connection: sa.Connection, model: type[Booking] | type[User]) -> int:
    return (connection.scalar(sa.select(sa.func.max(model.id))) or 0) + 1


def _number_on(connection: sa.Connection) -> None:
    """Set PostgreSQL's sequences to the ids written here; SQLite needs no such step."""
    if connection.dialect.name != "postgresql":
        return
    for model in (User, Booking):
        highest = sa.select(sa.func.max(model.id)).scalar_subquery()
        sequence = sa.func.pg_get_serial_sequence(model.__tablename__, "id")
        connection.execute(sa.select(sa.func.setval(sequence, highest)))


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def campaigns(now: datetime) -> list[dict[str, Any]]:
    """Return the columns of every campaign, around `now`."""
    return [
        {
            "name": "Early birds to the Riviera",
            "state": "active",
            "starts_at": now - timedelta(days=20),
            "ends_at": now + timedelta(days=40),
            "discount_percent": 10,
            "floor_percent": 75,
            "city": "Antalya",
            "category": "airport",
            "subjects": {"en": "Your summer starts 10% cheaper", "tr": "Yazınız %10 indirimle başlıyor"},
            "bodies": {
                "en": "Book your ride from Antalya Airport now and pay 10% less.",
                "tr": "Antalya Havalimanı transferinizi şimdi ayırtın, %10 daha az ödeyin.",
            },
            "segment": {"languages": ["tr", "en", "de"]},
            "mailing_state": "none",
        },
        {
            "name": "Weekends in Istanbul",
            "state": "active",
            "starts_at": now - timedelta(days=5),
            "ends_at": now + timedelta(days=25),
            "discount_percent": 15,
            "floor_percent": 70,
            "stacks": True,
            "city": "Istanbul",
            "category": "city",
            "weekdays": [6, 7],
            "subjects": {"en": "A weekend in Istanbul", "tr": "İstanbul’da bir hafta sonu"},
            "bodies": {
                "en": "Saturdays and Sundays: 15% off every city tour.",
                "tr": "Cumartesi ve pazar: tüm şehir turlarında %15 indirim.",
            },
        },
        {
            "name": "Autumn in Cappadocia",
            "state": "ended",
            "starts_at": now - timedelta(days=90),
            "ends_at": now - timedelta(days=30),
            "discount_percent": 20,
            "floor_percent": 70,
            "city": "Nevşehir",
            "max_bookings": 25,
            "subjects": {"en": "Autumn in Cappadocia", "tr": "Kapadokya’da sonbahar"},
            "bodies": {"en": "20% off in the quiet season.", "tr": "Sakin sezonda %20 indirim."},
        },
        {
            "name": "New year, old city",
            "state": "draft",
            "starts_at": now + timedelta(days=30),
            "ends_at": now + timedelta(days=60),
            "discount_percent": 12,
            "floor_percent": 80,
            "subjects": {"en": "New year, old city", "tr": "Yeni yıl, eski şehir"},
            "bodies": {"en": "Start the year in Istanbul.", "tr": "Yeni yıla İstanbul’da başlayın."},
            "segment": {"booked_after": (now - timedelta(days=365)).date().isoformat()},
        },
    ]
