"""Bookings that staff make and change, with the seats that go with it. The amount changes only when staff change it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from gnb.extensions import db
from gnb.models import Booking, Passenger, User, local_day
from gnb.services import audit
from gnb.services.bookings import InvalidBookingState, seats
from gnb.services.bookings.booking import book
from gnb.services.bookings.request import BookingRequest
from gnb.services.bookings.status import FROM, set_status
from gnb.services.pricing.quotes import is_per_person


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
