"""What is past its keeping time goes, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Flask

from gnb.extensions import db
from gnb.models import AuditEntry, Booking, Delivery, DeliveryMessage, Export, PriceChange, RevokedToken
from gnb.services import clean_up
from gnb.services.clean_up import DELIVERIES_KEPT, MESSAGES_KEPT
from tests.business import make_booking, make_tour

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AUDIT_KEPT = timedelta(days=730)


def delivery(age: timedelta, state: str = "sent") -> None:
    row = Delivery(kind="email", recipient="a@example.com", state=state, created_at=NOW - age)
    db.session.add(row)
    db.session.flush()
    db.session.add(DeliveryMessage(delivery_id=row.id, source=b"message", created_at=NOW - age))


def test_what_is_too_old_is_removed_and_twice_is_once(app: Flask) -> None:
    db.session.add_all([RevokedToken(jti="old", expires_at=NOW - DAY), RevokedToken(jti="new", expires_at=NOW + DAY)])
    for age in (AUDIT_KEPT + DAY, AUDIT_KEPT - DAY):
        db.session.add(AuditEntry(actor_label="x", action="a", target="t", created_at=NOW - age))
    delivery(DELIVERIES_KEPT + DAY)
    delivery(DELIVERIES_KEPT + DAY, state="queued")
    delivery(MESSAGES_KEPT + DAY)
    delivery(DAY)
    db.session.commit()
    done = clean_up.clean_up(NOW)
    assert (done.tokens, done.audit, done.deliveries, done.messages) == (1, 1, 1, 3)
    assert db.session.query(Delivery).count() == 3
    assert db.session.query(DeliveryMessage).count() == 1
    assert db.session.query(RevokedToken.jti).scalar() == "new"
    assert set(clean_up.clean_up(NOW).as_json().values()) == {0}


def test_many_rows_go_in_slices(app: Flask) -> None:
    old = [
        {
            "actor_label": "x",
            "action": "a",
            "target": "t",
            "count": 1,
            "details": {},
            "created_at": NOW - AUDIT_KEPT - DAY,
        }
    ]
    db.session.execute(db.insert(AuditEntry), old * 12_000)
    db.session.commit()
    assert clean_up.clean_up(NOW).audit == 12_000


def test_rows_go_after_the_days_of_their_settings(app: Flask) -> None:
    tour, price = make_tour(), Decimal("10.00")
    prices = {"cause": "manual", "base_price": price, "old_price": price, "new_price": price, "currency": "EUR"}
    for days in (1, 30):
        at = NOW - days * DAY
        db.session.add(Export(type="users-csv", state="failed", created_at=at))
        db.session.add(PriceChange(tour_id=tour.id, reason="x", created_at=at, **prices))
        make_booking(tour, pickup_at=at, customer_email=f"guest{days}@example.com")
    db.session.add(Export(type="users-csv", state="completed", file_key="k", created_at=NOW - 30 * DAY))
    db.session.commit()
    configured = app.extensions["settings"]
    unlimited = {"exports_kept_days": None, "price_changes_kept_days": None, "booking_data_kept_days": None}
    app.extensions["settings"] = replace(configured, **unlimited)
    assert set(clean_up.clean_up(NOW).as_json().values()) == {0}
    app.extensions["settings"] = replace(configured, **dict.fromkeys(unlimited, 10))
    done = clean_up.clean_up(NOW)
    assert (done.exports, done.price_changes, done.bookings) == (1, 1, 1)
    assert db.session.query(Export).count() == 2
    assert sorted(email for (email,) in db.session.query(Booking.customer_email)) == [
        "erased@invalid",
        "guest1@example.com",
    ]
