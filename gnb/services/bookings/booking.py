"""Making a booking: its seats, its price, its passengers and its first mail, in one transaction."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Booking, BookingExtra, Passenger, User, local_day
from gnb.services import email_service
from gnb.services.bookings import seats
from gnb.services.bookings.access import new_reference
from gnb.services.bookings.errors import IdempotencyConflict, InvalidIdempotencyKey, SoldOut
from gnb.services.bookings.request import BookingRequest
from gnb.services.pricing.quotes import is_per_person, quote

LONGEST_KEY = 80


def book(request: BookingRequest, user: User | None = None, idempotency_key: str | None = None) -> Booking:
    """The booking, pending, committed, with a mail to the customer on its way.

    The same key with the same request gives the booking that it made before. Raises SoldOut, IdempotencyConflict (the
    key came with another request, or from somebody else) and InvalidIdempotencyKey.
    """
    digest = _digest(request, user, idempotency_key)
    user_id = user.id if user else None
    if known := _made_before(idempotency_key, digest):
        return known
    try:
        booking = _write(request, user_id)
        booking.idempotency_key, booking.request_hash = idempotency_key, digest
        db.session.flush()
        email_service.plan_booking_received(booking)
        db.session.commit()
    except (SoldOut, IntegrityError) as error:
        # The same request may have come twice at once: then the other one has made the booking, and taken the seats.
        db.session.rollback()
        return _made_before(idempotency_key, digest) or _give_up(error)
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


def _made_before(key: str | None, digest: str | None) -> Booking | None:
    if key is None:
        return None
    known = db.session.scalar(sa.select(Booking).where(Booking.idempotency_key == key))
    if known and known.request_hash != digest:
        raise IdempotencyConflict
    return known


def _digest(request: BookingRequest, user: User | None, key: str | None) -> str | None:
    """A name for the request and who makes it, kept with the key."""
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey
    return hashlib.sha256(f"{user.id if user else ''} {request.digest()}".encode()).hexdigest()


def _give_up(error: Exception) -> NoReturn:
    raise error
