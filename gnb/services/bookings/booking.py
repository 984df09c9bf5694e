"""Bookings: creating one with its seats, price, passengers and first mail in one transaction, and finding them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from gnb.extensions import db
from gnb.models import Booking, BookingExtra, Passenger, User, local_day
from gnb.services import email_service
from gnb.services.bookings import BookingNotFound, IdempotencyConflict, InvalidIdempotencyKey, SoldOut, seats
from gnb.services.bookings.access import new_reference
from gnb.services.bookings.request import BookingRequest
from gnb.services.exports import selection
from gnb.services.pricing.quotes import is_per_person, quote

LONGEST_KEY = 80


def book(request: BookingRequest, user: User | None = None, idempotency_key: str | None = None) -> Booking:
    """Create a pending booking and plan a mail to the customer. Commits. Idempotent by key.

    Raises:
        SoldOut: Not enough seats are left.
        IdempotencyConflict: The caller used the key with another request.
        InvalidIdempotencyKey: The key is empty, too long or not printable ASCII.
    """
    digest = _digest(request, user, idempotency_key)
    user_id = user.id if user else None
    key = _scoped_key(request, user, idempotency_key)
    if known := _existing_booking(key, digest):
        return known
    try:
        booking = _write(request, user_id)
        booking.idempotency_key, booking.request_hash = key, digest
        db.session.flush()
        email_service.plan_booking_received(booking)
        db.session.commit()
    except (SoldOut, IntegrityError):
        # The same request may have been sent twice concurrently: then the other one created the booking.
        db.session.rollback()
        if known := _existing_booking(key, digest):
            return known
        raise
    return booking


def _write(request: BookingRequest, user_id: int | None) -> Booking:
    tour, party = request.tour, request.party
    seats.take(tour, local_day(request.pickup_at), party.guests)
    price = quote(tour, party, request.extras)
    arrival = None if is_per_person(tour.category) else request.pickup_at + timedelta(minutes=tour.duration_minutes)
    booking = Booking(
        reference=new_reference(),
        user_id=user_id,
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


def _existing_booking(key: str | None, digest: str | None) -> Booking | None:
    if key is None:
        return None
    known = db.session.scalar(sa.select(Booking).where(Booking.idempotency_key == key))
    if known and known.request_hash != digest:
        raise IdempotencyConflict
    return known


def _scoped_key(request: BookingRequest, user: User | None, key: str | None) -> str | None:
    """Return what is stored for the key: a digest of it and its caller, a guest being known by the contact address.

    So nobody can use up or find out the keys of others.
    """
    if key is None:
        return None
    scope = f"user {user.id}" if user else f"guest {request.contact_email}"
    return hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest()


def _digest(request: BookingRequest, user: User | None, key: str | None) -> str | None:
    """Return a digest of the request and its user, stored with the key."""
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey
    return hashlib.sha256(f"{user.id if user else ''} {request.digest()}".encode()).hexdigest()


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
