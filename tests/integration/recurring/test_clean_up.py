"""What is past its keeping time goes, and nothing else."""

from datetime import UTC, datetime, timedelta

from flask import Flask

from gnb.extensions import db
from gnb.models import AuditEntry, Delivery, DeliveryMessage, RevokedToken
from gnb.services import clean_up
from gnb.services.clean_up import AUDIT_KEPT, DELIVERIES_KEPT, MESSAGES_KEPT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


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
