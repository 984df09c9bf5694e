"""Bookings: creating one with its seats, price, passengers and first mail in one transaction, and finding them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from gnb.extensions import db, settings
from gnb.models import STAFF_ROLES, Booking, BookingExtra, Passenger, Tour, User, local_day, now
from gnb.services import email_service
from gnb.services.bookings import (
    BookingNotFound,
    IdempotencyConflict,
    InvalidIdempotencyKey,
    PriceChanged,
    SoldOut,
    seats,
)
from gnb.services.bookings.access import new_reference
from gnb.services.bookings.request import BookingRequest
from gnb.services.bookings.status import cancel_expired
from gnb.services.exports import selection
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
    conditions = selection.of_bookings(filters)
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
