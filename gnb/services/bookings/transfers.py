"""Transfers of a day: who drives, when the guests were picked up and arrived, and which need a dispatcher.

transfers_of(day)                                             the transfers of a day, by pickup time
record(booking, {"driver_id": 7, "vehicle": "…"}, actor)      who drives
record_now(booking, "pickup", actor)                          a driver's button
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from marshmallow import fields, validate
from sqlalchemy.orm import joinedload

from gnb.extensions import db
from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import LARGEST_INT, WholeNumber
from gnb.models import Booking, Delivery, Tour, User, local_midnight, now
from gnb.queueing.errors import InvalidFields
from gnb.services import audit
from gnb.services.bookings import BookingError, BookingNotFound, InvalidBookingState
from gnb.services.pricing.quotes import PER_VEHICLE

LATE_AFTER = timedelta(minutes=15)
"""A pickup or arrival this long after its plan counts as late; the delay risk speaks of the same minutes."""

_NEAR = timedelta(hours=3)
_PLAUSIBLE = timedelta(hours=24)
_CLOCK_SKEW = timedelta(minutes=1)
_RECORDED = ("driver_id", "vehicle", "actual_pickup_at", "actual_arrival_at")
_FIELD_NAMES = {"actual_pickup_at": "pickedUpAt", "actual_arrival_at": "arrivedAt", "driver_id": "driverId"}
STEPS = {"picked-up": "actual_pickup_at", "arrived": "actual_arrival_at"}


class InvalidTransfer(InvalidFields, BookingError):
    """What is recorded of a transfer is impossible; `errors` maps each field to its messages."""

    code = "invalid"


class TransferChange(LocalizedSchema):
    """What is recorded of a transfer; a field that is left out stays unchanged, null clears it."""

    driver_id = WholeNumber(
        1, LARGEST_INT, data_key="driverId", allow_none=True, metadata={"description": "an account of role driver"}
    )
    vehicle = fields.String(
        allow_none=True, validate=validate.Length(max=80), metadata={"description": "make and number plate"}
    )
    actual_pickup_at = fields.AwareDateTime(
        data_key="pickedUpAt", allow_none=True, metadata={"description": "when the guests were picked up"}
    )
    actual_arrival_at = fields.AwareDateTime(
        data_key="arrivedAt", allow_none=True, metadata={"description": "when they arrived"}
    )


@dataclass(frozen=True)
class Transfer:
    """A booking with what a dispatcher looks for."""

    booking: Booking
    confirmation: Delivery | None
    """The newest message that confirms the booking, a sent one before others."""

    @property
    def unconfirmed(self) -> bool:
        """Whether the booking is confirmed and no confirmation has been delivered."""
        delivered = self.confirmation is not None and self.confirmation.state == "sent"
        return self.booking.status != "pending" and not delivered

    @property
    def is_due(self) -> bool:
        """Whether its pickup is over or near enough to be recorded."""
        return self.booking.pickup_at <= now() + _NEAR

    @property
    def minutes_late(self) -> int:
        return minutes_late(self.booking)


def minutes_late(booking: Booking, at: datetime | None = None) -> int:
    """Return by how many minutes the transfer is late: its arrival, or what should have happened by now; 0 if less
    than `LATE_AFTER`."""
    at = at or now()
    if booking.actual_arrival_at:
        late = booking.actual_arrival_at - (booking.arrival_at or booking.actual_arrival_at)
    elif booking.actual_pickup_at:
        late = at - (booking.arrival_at or at)
    else:
        late = at - booking.pickup_at
    return round(late.total_seconds() / 60) if late >= LATE_AFTER else 0


def transfers_of(day: date, driver: User | None = None) -> list[Transfer]:
    """Return the transfers of a day in Europe/Istanbul, by pickup time; of one driver if given."""
    query = (
        sa.select(Booking)
        .join(Tour, Tour.id == Booking.tour_id)
        .where(
            Booking.pickup_at >= local_midnight(day),
            Booking.pickup_at < local_midnight(day + timedelta(days=1)),
            Booking.travel_date == day,
            Booking.status != "cancelled",
            Tour.category.in_(PER_VEHICLE),
        )
        .options(joinedload(Booking.tour), joinedload(Booking.driver))
        .order_by(Booking.pickup_at, Booking.id)
    )
    if driver:
        query = query.where(Booking.driver_id == driver.id)
    found = list(db.session.scalars(query))
    confirmations = _confirmations([booking.id for booking in found])
    return [Transfer(booking, confirmations.get(booking.id)) for booking in found]


def _confirmations(booking_ids: Iterable[int]) -> dict[int, Delivery]:
    """Return the confirmation of each booking; the message that it was received, which has a content, is none."""
    query = (
        sa.select(Delivery)
        .where(Delivery.booking_id.in_(booking_ids), Delivery.kind == "booking-confirmation")
        .order_by(Delivery.id)
    )
    found: dict[int, Delivery] = {}
    for delivery in db.session.scalars(query):
        known = found.get(delivery.booking_id or 0)
        if not delivery.content and not (known and known.state == "sent"):
            found[delivery.booking_id or 0] = delivery
    return found


def drivers() -> list[User]:
    """Return the accounts that may be given a transfer, by name."""
    query = sa.select(User).where(User.role == "driver", User.active.is_(True)).order_by(User.name, User.id)
    return list(db.session.scalars(query))


def booking_to_record(reference: str, actor: User) -> Booking:
    """Return the booking with this reference. Raises BookingNotFound, also for a driver who does not drive it."""
    query = sa.select(Booking).where(Booking.reference == reference)
    booking = db.session.scalar(query) if len(reference) <= 16 and "\x00" not in reference else None
    if booking is None or (actor.role == "driver" and booking.driver_id != actor.id):
        raise BookingNotFound
    return booking


def record(booking: Booking, change: Mapping[str, Any], actor: User) -> None:
    """Record what is given of a transfer, with an audit entry. Commits.

    Args:
        change: Loaded by TransferChange.

    Raises:
        InvalidBookingState: The booking is cancelled.
        InvalidTransfer: A time is impossible, or the account is no driver.
    """
    if booking.status == "cancelled":
        raise InvalidBookingState("cancelled", reference=booking.reference)
    wanted = {name: change.get(name, getattr(booking, name)) for name in _RECORDED}
    wanted["vehicle"] = " ".join((wanted["vehicle"] or "").split()) or None
    if errors := _errors(booking, change, wanted):
        raise InvalidTransfer({_FIELD_NAMES.get(name, name): [message] for name, message in errors.items()})
    changed = {name: value for name, value in wanted.items() if value != getattr(booking, name)}
    if not changed:
        return
    details = {name: _plain(value) for name, value in changed.items()}
    for name, value in changed.items():
        setattr(booking, name, value)
    audit.record(actor, "booking.transfer", f"booking/{booking.id}", details=details)
    db.session.commit()


def record_now(booking: Booking, step: str, actor: User) -> None:
    """Record that the guests were picked up or arrived just now; a time that is recorded already is kept. Commits.

    Raises as `record` does.
    """
    if getattr(booking, STEPS[step]) is None:
        record(booking, {STEPS[step]: now().replace(microsecond=0)}, actor)


def _errors(booking: Booking, change: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    if change.get("driver_id") is not None and not _is_driver(change["driver_id"]):
        errors["driver_id"] = make_message("invalid_field.driver", id=str(change["driver_id"]))
    for name in ("actual_pickup_at", "actual_arrival_at"):
        moment = change.get(name)
        if moment is None:
            continue
        if moment > now() + _CLOCK_SKEW:
            errors[name] = make_message("invalid_field.future")
        elif abs(moment - booking.pickup_at) > _PLAUSIBLE:
            errors[name] = make_message("invalid_field.far_from_plan")
    picked_up, arrived = wanted["actual_pickup_at"], wanted["actual_arrival_at"]
    if arrived and not picked_up:
        errors.setdefault("actual_arrival_at", make_message("invalid_field.no_pickup"))
    elif arrived and picked_up and arrived <= picked_up:
        errors.setdefault("actual_arrival_at", make_message("invalid_field.arrival_before_pickup"))
    return errors


def _is_driver(user_id: int) -> bool:
    user = db.session.get(User, user_id)
    return user is not None and user.active and user.role == "driver"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
