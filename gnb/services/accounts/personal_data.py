"""A customer's personal data: exported as JSON, erased on request, and erased from old bookings.

An erased booking keeps its tour, day, number of guests, amount and status, so that reports and revenue stay the same;
who travelled, from where and to where is gone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import (
    AuditEntry,
    Booking,
    Delivery,
    DeliveryMessage,
    NotificationSetting,
    Passenger,
    User,
    execute_count,
    normalize_email,
    now,
)
from gnb.services import audit
from gnb.services.accounts.users import InvalidAccount, UserNotFound
from gnb.services.mail import ledger

ERASED = "erased"
ERASED_EMAIL = "erased@invalid"
_SLICE = 500


def export(email: str, actor: User | None = None) -> dict[str, Any]:
    """Return all that is stored about a customer, with an account or without. Commits the audit entry.

    Raises UserNotFound if neither an account nor a booking has the address.
    """
    user, bookings = _known(email)
    deliveries = db.session.scalars(sa.select(Delivery).where(_deliveries_of(email, user)).order_by(Delivery.id))
    setting = db.session.get(NotificationSetting, normalize_email(email))
    content = {
        "account": _columns(user, "password_hash", "token_version") if user else None,
        "campaigns": setting.campaigns if setting else True,
        "bookings": [
            {
                **_columns(booking, "idempotency_key", "request_hash"),
                "tour": booking.tour.name,
                "passengers": [_columns(passenger, "booking_id") for passenger in booking.passengers],
                "extras": [_columns(extra, "booking_id") for extra in booking.extras],
            }
            for booking in bookings
        ],
        "messages": [
            _columns(delivery, "unique_key", "content", "error_code", "error_params", "priority")
            for delivery in deliveries
        ],
        "changes": [_columns(entry, "details") for entry in _entries(user)],
    }
    audit.record(actor, "user.export", _target(user))
    db.session.commit()
    return content


def erase(email: str, actor: User | None = None) -> int:
    """Erase a customer: delete the account and anonymise the bookings and messages. Commits; returns the bookings.

    Raises:
        UserNotFound: Neither an account nor a booking has the address.
        InvalidAccount: A booking is still to come, or the account is a member of staff.
    """
    user, bookings = _known(email)
    if user and user.is_staff:
        raise InvalidAccount("is_staff")
    if any(booking.pickup_at > now() and booking.status != "cancelled" for booking in bookings):
        raise InvalidAccount("bookings_to_come")
    target, count = _target(user), len(bookings)
    deliveries = sa.select(Delivery.id).where(_deliveries_of(email, user))
    for booking in bookings:
        ledger.cancel_booking(booking.id)
    _anonymise([booking.id for booking in bookings])
    _anonymise_deliveries(deliveries)
    db.session.execute(sa.delete(NotificationSetting).where(NotificationSetting.email == normalize_email(email)))
    if user:
        own = sa.update(AuditEntry).where(AuditEntry.actor_id == user.id)
        db.session.execute(own.values(actor_label=ERASED, address=None, actor_id=None))
        db.session.execute(sa.delete(User).where(User.id == user.id))
    audit.record(actor, "user.erase", target, count=count)
    db.session.commit()
    db.session.expire_all()
    return count


def erase_old_bookings(before: datetime) -> int:
    """Erase the personal data of the bookings whose pickup was before that moment, and of the messages about them.

    Commits in slices; returns the number of bookings.
    """
    erased = 0
    while True:
        old = sa.select(Booking.id).where(Booking.pickup_at < before, Booking.customer_email != ERASED_EMAIL)
        ids = list(db.session.scalars(old.order_by(Booking.id).limit(_SLICE)))
        if ids:
            _anonymise(ids)
            _anonymise_deliveries(sa.select(Delivery.id).where(Delivery.booking_id.in_(ids)))
            db.session.commit()
            erased += len(ids)
        if len(ids) < _SLICE:
            return erased


def _known(email: str) -> tuple[User | None, list[Booking]]:
    user = db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))
    own = Booking.customer_email == normalize_email(email)
    condition = sa.or_(own, Booking.user_id == user.id) if user else own
    bookings = list(db.session.scalars(sa.select(Booking).where(condition).order_by(Booking.id)))
    if (user is None and not bookings) or normalize_email(email) == ERASED_EMAIL:
        raise UserNotFound("email", email=email)
    return user, bookings


def _deliveries_of(email: str, user: User | None) -> sa.ColumnElement[bool]:
    own = Delivery.recipient == normalize_email(email)
    return sa.or_(own, Delivery.user_id == user.id) if user else own


def _anonymise(booking_ids: list[int]) -> None:
    values = {
        "user_id": None,
        "customer_name": ERASED,
        "customer_email": ERASED_EMAIL,
        "customer_phone": "",
        "pickup_place": ERASED,
        "dropoff_place": None,
        "flight_number": None,
        "notes": None,
        "request_hash": None,
    }
    execute_count(sa.update(Booking).where(Booking.id.in_(booking_ids)).values(values))
    passengers = sa.update(Passenger).where(Passenger.booking_id.in_(booking_ids))
    execute_count(passengers.values(name=ERASED, nationality=None))


def _anonymise_deliveries(ids: sa.Select[int]) -> None:
    """Keep the ledger's rows, which are counted, without their recipient; messages not sent yet are suppressed."""
    execute_count(sa.delete(DeliveryMessage).where(DeliveryMessage.delivery_id.in_(ids)))
    state = sa.case((Delivery.state.in_(("queued", "failed")), "suppressed"), else_=Delivery.state)
    erased: dict[str, Any] = {
        "recipient": ERASED_EMAIL,
        **dict.fromkeys(("recipient_name", "subject", "user_id", "error", "error_code", "error_params")),
        "content": {},
    }
    own = sa.select(ids.subquery().c.id)
    execute_count(sa.update(Delivery).where(Delivery.id.in_(own)).values(**erased, state=state))


def _entries(user: User | None) -> list[AuditEntry]:
    if user is None:
        return []
    query = sa.select(AuditEntry).where(AuditEntry.actor_id == user.id).order_by(AuditEntry.id)
    return list(db.session.scalars(query))


def _target(user: User | None) -> str:
    return f"user/{user.id}" if user else "guest"


def _columns(row: Any, *hidden: str) -> dict[str, Any]:
    names = [column.key for column in sa.inspect(type(row)).column_attrs if column.key not in hidden]
    return {name: getattr(row, name) for name in names}
