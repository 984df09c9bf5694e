"""The status of a booking: confirmed, paid, completed or cancelled, with the seats and mail that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import STATUSES, Booking, Delivery, User, execute_count, now
from gnb.services import audit, email_service
from gnb.services.bookings import InvalidBookingState, seats
from gnb.services.mail import ledger

FROM = {
    "confirmed": ("pending",),
    "paid": ("confirmed",),
    "completed": ("paid",),
    "cancelled": ("pending", "confirmed", "paid"),
}
"""The statuses that each may follow."""

FREE_CANCELLATION = timedelta(hours=24)
"""Until this long before the pickup a customer may cancel by a click."""

CUSTOMER = "customer"
"""Who it was in the audit, when a guest has cancelled."""

EXPIRED = "hold expired"
"""Who it was in the audit, when a booking was not confirmed in time."""

_EXPIRED_AT_ONCE = 500

_MAILS: dict[str, Callable[[Booking], Delivery]] = {
    "confirmed": email_service.plan_booking_confirmation,
    "paid": email_service.plan_payment_confirmation,
    "cancelled": email_service.plan_booking_cancellation,
}
_MOMENTS = {"paid": "paid_at", "cancelled": "cancelled_at"}


def next_statuses(booking: Booking) -> list[str]:
    """Return the statuses that may follow the booking's current one."""
    return [status for status in STATUSES if booking.status in FROM.get(status, ())]


def set_status(booking: Booking, status: str, actor: User | None = None, label: str = audit.COMMAND_LINE) -> None:
    """Change the status, with the mail, the seats and the audit entry that go with it. Commits.

    `label` names the actor if there is no account.

    Raises:
        InvalidBookingState: The current status does not allow it, or it was changed concurrently.
    """
    before = booking.status
    if before not in FROM.get(status, ()) or not _move(booking, before, status):
        db.session.rollback()
        raise _rejection(booking, status)
    db.session.refresh(booking)
    if status == "cancelled":
        seats.release(booking.tour_id, booking.travel_date, booking.guests)
        # A confirmation that mail could not take so far must not come after the cancellation.
        ledger.cancel_booking(booking.id)
    if label == EXPIRED:
        email_service.plan_booking_expiry(booking)
    elif plan := _MAILS.get(status):
        plan(booking)
    details = {"from": before, "to": status}
    audit.record(actor, f"booking.{status}", f"booking/{booking.id}", details=details, label=label)
    db.session.commit()


def cancel_expired(*conditions: sa.ColumnElement[bool], at: datetime | None = None) -> int:
    """Cancel pending bookings whose hold is over, which releases their seats, and return how many. Commits."""
    due = sa.select(Booking.id).where(Booking.status == "pending", Booking.held_until <= (at or now()), *conditions)
    count = 0
    for booking_id in list(db.session.scalars(due.order_by(Booking.held_until).limit(_EXPIRED_AT_ONCE))):
        try:
            set_status(db.session.get_one(Booking, booking_id), "cancelled", label=EXPIRED)
            count += 1
        except InvalidBookingState:  # confirmed or cancelled at the same time
            continue
    return count


def may_cancel(booking: Booking, at: datetime | None = None) -> bool:
    """Return whether the customer may still cancel the booking."""
    return booking.status in FROM["cancelled"] and booking.pickup_at - (at or now()) >= FREE_CANCELLATION


def cancel_by_customer(booking: Booking, user: User | None = None, at: datetime | None = None) -> None:
    """Cancel the booking for its customer, free of charge. Raises InvalidBookingState with advice."""
    if booking.status in FROM["cancelled"] and not may_cancel(booking, at):
        raise InvalidBookingState(
            "too_late", hours=FREE_CANCELLATION // timedelta(hours=1), reference=booking.reference
        )
    set_status(booking, "cancelled", user, label=CUSTOMER)


def _move(booking: Booking, before: str, status: str) -> bool:
    values: dict[str, Any] = {"status": status, "updated_at": now()}
    if status in _MOMENTS:
        values[_MOMENTS[status]] = values["updated_at"]
    unchanged = sa.and_(Booking.id == booking.id, Booking.status == before)
    return execute_count(sa.update(Booking).where(unchanged).values(**values)) == 1


def _rejection(booking: Booking, status: str) -> InvalidBookingState:
    possible = next_statuses(booking)
    params = {"reference": booking.reference, "status": booking.status, "wanted": status[:40], "statuses": possible}
    return InvalidBookingState("other" if possible else "final", **params)
