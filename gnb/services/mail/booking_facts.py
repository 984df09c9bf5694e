"""What a message says about a booking: every field ready to be printed, one harmless line each."""

from dataclasses import dataclass

from sqlalchemy.orm import object_session

from gnb.models import Booking, Extra
from gnb.services.bookings.access import guest_link
from gnb.services.mail import words
from gnb.services.mail.addresses import one_line

_LONGEST_FIELD = 300
_MOST_LISTED = 60


@dataclass(frozen=True)
class BookingFacts:
    """A booking in the words of one language; what is not known is "" or empty."""

    reference: str
    customer_name: str
    tour: str
    day: str
    time: str
    pickup_place: str
    dropoff_place: str
    flight_number: str
    guests: str
    passengers: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    """What was added and what it costs."""
    amount: str
    payment_method: str
    driver: str
    driver_phone: str
    vehicle: str
    notes: str
    link: str
    """The booking's page, for whoever holds the message."""


def booking_facts(booking: Booking, language: str) -> BookingFacts:
    """The facts of the booking in that language (one that texts exist in)."""
    line = _field
    return BookingFacts(
        reference=line(booking.reference),
        customer_name=one_line(booking.customer_name),
        tour=line(booking.tour.title(language)),
        day=words.day(booking.pickup_at, language),
        time=words.clock(booking.pickup_at, language),
        pickup_place=line(booking.pickup_place),
        dropoff_place=line(booking.dropoff_place),
        flight_number=line(booking.flight_number),
        guests=words.guests(booking.adults, booking.children, booking.infants, language),
        passengers=tuple(one_line(passenger.name) for passenger in booking.passengers[:_MOST_LISTED]),
        extras=_extras(booking, language),
        amount=words.money(booking.amount, booking.currency, language),
        payment_method=words.payment_method(booking.payment_method, language),
        driver=one_line(booking.driver.name) if booking.driver else "",
        driver_phone=line(booking.driver.phone) if booking.driver else "",
        vehicle=line(booking.vehicle),
        notes=line(booking.notes),
        link=guest_link(booking),
    )


def _field(value: str | None) -> str:
    return one_line(value, _LONGEST_FIELD)


def _extras(booking: Booking, language: str) -> tuple[tuple[str, str], ...]:
    session = object_session(booking)
    listed = []
    for extra in booking.extras[:_MOST_LISTED]:
        known = session.get(Extra, extra.code) if session else None
        title = known.title(language) if known else extra.code
        listed.append((_field(f"{extra.quantity} × {title}"), words.money(extra.total, booking.currency, language)))
    return tuple(listed)
