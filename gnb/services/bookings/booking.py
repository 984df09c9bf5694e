"""Bookings: creating one with its seats, price, passengers and first mail in one transaction, finding and changing.

The amount of a booking changes only when staff change it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from gnb.extensions import db, settings
from gnb.models import STAFF_ROLES, Booking, BookingExtra, Passenger, Tour, User, local_day, now
from gnb.services import audit, email_service
from gnb.services.bookings import (
    BookingNotFound,
    IdempotencyConflict,
    InvalidBookingState,
    InvalidIdempotencyKey,
    PriceChanged,
    SoldOut,
    seats,
)
from gnb.services.bookings.access import new_reference
from gnb.services.bookings.request import BookingRequest
from gnb.services.bookings.status import FROM, cancel_expired, set_status
from gnb.services.exports.filters import booking_conditions
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import checked_address
from gnb.services.pricing.quotes import is_per_person, quote

LONGEST_KEY = 80


@dataclass(frozen=True)
class Idempotency:
    """What makes two requests the same: a digest of the key and its caller, and one of the body.

    The caller is the account, or a guest's contact address. So nobody can use up or find out the keys of others.
    """

    key: str
    digest: str


def idempotency(key: str | None, user: User | None, email: str, body: Mapping[str, Any]) -> Idempotency | None:
    """Return what identifies the request, None without a key. Raises InvalidIdempotencyKey.

    Args:
        key: As the caller sent it.
        user: The caller's account.
        email: The contact address as sent; it stands for the caller who has no account.
        body: What was sent, before it is validated. A confirmed price may differ.
    """
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey
    try:
        scope = f"user {user.id}" if user else f"guest {checked_address(email.strip())}"
    except InvalidMessage:
        return None  # no booking was ever made with it
    text = json.dumps({name: value for name, value in body.items() if name != "expectedTotal"}, sort_keys=True)
    return Idempotency(_hashed(f"{scope}\n{key}"), _hashed(text))


def previous_booking(once: Idempotency | None) -> Booking | None:
    """Return the booking that the same request has made before. Raises IdempotencyConflict if it was another one."""
    if once is None:
        return None
    known = db.session.scalar(sa.select(Booking).where(Booking.idempotency_key == once.key))
    if known and known.request_hash != once.digest:
        raise IdempotencyConflict
    return known


def book(request: BookingRequest, user: User | None = None, once: Idempotency | None = None) -> Booking:
    """Create a pending booking and plan a mail to the customer. Commits. Idempotent with `once`.

    Raises:
        SoldOut: Not enough seats are left.
        PriceChanged: The price is not the one that the request expects.
        IdempotencyConflict: The caller used the key with another request.
    """
    if known := previous_booking(once):
        return known
    try:
        booking = _take_seats_and_write(request, user)
        if once:
            booking.idempotency_key, booking.request_hash = once.key, once.digest
        db.session.flush()
        email_service.plan_booking_received(booking)
        db.session.commit()
    except (SoldOut, PriceChanged, IntegrityError):
        # The same request may have been sent twice concurrently: then the other one created the booking.
        db.session.rollback()
        if known := previous_booking(once):
            return known
        raise
    return booking


def _take_seats_and_write(request: BookingRequest, user: User | None) -> Booking:
    """Add the booking to the session; seats of expired bookings are released where they are needed."""
    tour, day, guests = request.tour, local_day(request.pickup_at), request.party.guests
    try:
        seats.take(tour, day, guests)
    except SoldOut:
        db.session.rollback()
        if not cancel_expired(Booking.tour_id == tour.id, Booking.travel_date == day):
            raise
        seats.take(tour, day, guests)
    return _write(request, user)


def _held_until(tour: Tour, user: User | None) -> datetime | None:
    """Return until when a new booking holds its seats: for ever if none are counted or staff make the booking."""
    if tour.daily_seats is None or (user is not None and user.role in STAFF_ROLES):
        return None
    return now() + timedelta(minutes=settings().booking_hold)


def _write(request: BookingRequest, user: User | None) -> Booking:
    tour, party = request.tour, request.party
    price = quote(tour, party, request.extras)
    if request.expected_total not in (None, price.total):
        raise PriceChanged(request.expected_total, price.total, price.currency)
    arrival = None if is_per_person(tour.category) else request.pickup_at + timedelta(minutes=tour.duration_minutes)
    booking = Booking(
        reference=new_reference(),
        user_id=user.id if user else None,
        tour_id=tour.id,
        customer_name=request.contact_name,
        customer_email=request.contact_email,
        customer_phone=request.contact_phone,
        language=request.language,
        adults=party.adults,
        children=party.children,
        infants=party.infants,
        pickup_at=request.pickup_at,
        pickup_place=request.pickup_place,
        dropoff_place=request.dropoff_place,
        flight_number=request.flight_number,
        notes=request.notes,
        arrival_at=arrival,
        amount=price.total,
        currency=price.currency,
        payment_method=request.payment_method,
        status="pending",
        held_until=_held_until(tour, user),
        passengers=[
            Passenger(position=position, name=one.name, kind=one.kind, nationality=one.nationality)
            for position, one in enumerate(request.passengers, 1)
        ],
        extras=[
            BookingExtra(code=line.code, quantity=line.quantity, unit_price=line.unit_price) for line in price.extras
        ],
    )
    db.session.add(booking)
    return booking


def request_link(reference: str, email: str, language: str) -> None:
    """Mail a booking's link to its customer's address, if `email` is that. Commits.

    The caller does not learn whether it is, and both take the same time. Raises InvalidMessage for an invalid address.
    """
    email_service.plan_booking_link(reference, email, language)
    db.session.commit()


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


LONGEST_SEARCH = 200
SORTS: dict[str, Any] = {"pickup": Booking.pickup_at, "amount": Booking.amount, "status": Booking.status}
"""What a list of bookings may be sorted by."""

_LARGEST_ID = 2**63 - 1


def find_bookings(
    filters: Mapping[str, Any], text: str | None = None, start: int = 0, end: int = 25, sort: str = ""
) -> tuple[list[Booking], int]:
    """Return the bookings in [start, end), newest first unless sorted, and the number of all that match.

    Args:
        filters: As loaded by `exports.filters`.
        text: A reference or e-mail address, its beginning, or part of the customer's name.
        start: Position of the first booking.
        end: Position after the last booking.
        sort: A key of `SORTS`, with `-` before it for the other direction.
    """
    conditions = booking_conditions(filters)
    if text and (wanted := text.replace("\x00", "").strip()[:LONGEST_SEARCH]):
        # SQLite knows capitals of English letters alone: the others are looked for in each form that a name may have.
        forms = {wanted, wanted.lower(), wanted.upper(), wanted.title()} if not wanted.isascii() else {wanted}
        by_name = [Booking.customer_name.icontains(form, autoescape=True) for form in sorted(forms)]
        by_email = Booking.customer_email.startswith(wanted.lower(), autoescape=True)
        conditions.append(sa.or_(Booking.reference.startswith(wanted.upper(), autoescape=True), by_email, *by_name))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(Booking).where(*conditions)) or 0
    column = SORTS.get(sort.removeprefix("-"), Booking.id)
    ascending = column is not Booking.id and not sort.startswith("-")
    order = (column.asc(), Booking.id.asc()) if ascending else (column.desc(), Booking.id.desc())
    query = sa.select(Booking).where(*conditions).options(joinedload(Booking.tour)).order_by(*order)
    return list(db.session.scalars(query.slice(start, end))), total


def booking_of_id(booking_id: int) -> Booking:
    """Return the booking with this id. Raises BookingNotFound."""
    booking = db.session.get(Booking, booking_id) if booking_id <= _LARGEST_ID else None
    if booking is None:
        raise BookingNotFound
    return booking


def book_for_customer(request: BookingRequest, actor: User) -> Booking:
    """Create a booking at the price of now and confirm it; the customer gets the confirmation. Commits.

    Raises SoldOut.
    """
    booking = book(request)
    audit.record(actor, "booking.create", f"booking/{booking.id}")
    set_status(booking, "confirmed", actor)
    return booking


def may_change(booking: Booking) -> bool:
    """Return whether the booking is neither cancelled nor completed."""
    return booking.status in FROM["cancelled"]


def change_booking(booking: Booking, request: BookingRequest, amount: Decimal, actor: User) -> None:
    """Change who travels when and from where to where, and the amount, with an audit entry. Commits; plans no mail.

    Raises:
        InvalidBookingState: The booking is cancelled or completed.
        SoldOut: Not enough seats are left.
    """
    if not may_change(booking):
        raise InvalidBookingState("cancelled" if booking.status == "cancelled" else "done", reference=booking.reference)
    party, day = request.party, local_day(request.pickup_at)
    if (day, party.guests) != (booking.travel_date, booking.guests):
        seats.release(booking.tour_id, booking.travel_date, booking.guests)
        seats.take(booking.tour, day, party.guests)
    values = _values(request)
    changed = [name for name, value in {**values, "amount": amount}.items() if value != getattr(booking, name)]
    passengers = [(one.name, one.kind, one.nationality) for one in request.passengers]
    if passengers != [(one.name, one.kind, one.nationality) for one in booking.passengers]:
        changed.append("passengers")
        booking.passengers = []
        db.session.flush()
        booking.passengers = [
            Passenger(position=position, name=name, kind=kind, nationality=nationality)
            for position, (name, kind, nationality) in enumerate(passengers, 1)
        ]
    for name, value in values.items():
        setattr(booking, name, value)
    booking.amount = amount
    booking.adults, booking.children, booking.infants = party.adults, party.children, party.infants
    if changed:
        audit.record(actor, "booking.change", f"booking/{booking.id}", details={"changed": sorted(changed)})
    db.session.commit()


def _values(request: BookingRequest) -> dict[str, Any]:
    planned = request.pickup_at + timedelta(minutes=request.tour.duration_minutes)
    return {
        "pickup_at": request.pickup_at,
        "arrival_at": None if is_per_person(request.tour.category) else planned,
        "pickup_place": request.pickup_place,
        "dropoff_place": request.dropoff_place,
        "flight_number": request.flight_number,
        "customer_name": request.contact_name,
        "customer_email": request.contact_email,
        "customer_phone": request.contact_phone,
        "language": request.language,
        "payment_method": request.payment_method,
        "notes": request.notes,
    }
