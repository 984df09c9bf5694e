"""What a message says about a booking: its fields formatted as single lines, and the pickup as a calendar file."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import force_locale, gettext
from sqlalchemy.orm import object_session

from gnb.messages import formats
from gnb.models import Booking, Extra
from gnb.services.bookings.access import guest_link
from gnb.services.mail.addresses import one_line

_LONGEST_FIELD = 300
_MOST_LISTED = 60
_REMIND_BEFORE = timedelta(hours=2)


@dataclass(frozen=True)
class BookingFacts:
    """A booking in one language; unknown values are "" or empty."""

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
    """Titles and prices."""
    amount: str
    payment_method: str
    driver: str
    driver_phone: str
    vehicle: str
    notes: str
    held_until: str
    """Until when a pending booking holds its seats."""
    link: str
    """The booking's page, without sign-in."""


def booking_facts(booking: Booking, language: str) -> BookingFacts:
    """Return the facts of the booking in a language that has texts."""
    line = _field
    return BookingFacts(
        reference=line(booking.reference),
        customer_name=one_line(booking.customer_name),
        tour=line(booking.tour.title(language)),
        day=formats.day(booking.pickup_at, language),
        time=formats.clock(booking.pickup_at, language),
        pickup_place=line(booking.pickup_place),
        dropoff_place=line(booking.dropoff_place),
        flight_number=line(booking.flight_number),
        guests=formats.guests(booking.adults, booking.children, booking.infants, language),
        passengers=tuple(one_line(passenger.name) for passenger in booking.passengers[:_MOST_LISTED]),
        extras=_extras(booking, language),
        amount=formats.money(booking.amount, booking.currency, language),
        payment_method=formats.payment_method(booking.payment_method, language),
        driver=one_line(booking.driver.name) if booking.driver else "",
        driver_phone=line(booking.driver.phone) if booking.driver else "",
        vehicle=line(booking.vehicle),
        notes=line(booking.notes),
        held_until=_moment(booking.held_until, language) if booking.held_until and booking.status == "pending" else "",
        link=guest_link(booking),
    )


def _moment(instant: datetime, language: str) -> str:
    return f"{formats.day(instant, language)}, {formats.clock(instant, language)}"


def _field(value: str | None) -> str:
    return one_line(value, _LONGEST_FIELD)


def _extras(booking: Booking, language: str) -> tuple[tuple[str, str], ...]:
    session = object_session(booking)
    listed = []
    for extra in booking.extras[:_MOST_LISTED]:
        known = session.get(Extra, extra.code) if session else None
        title = known.title(language) if known else extra.code
        listed.append((_field(f"{extra.quantity} × {title}"), formats.money(extra.total, booking.currency, language)))
    return tuple(listed)


def pickup_calendar(booking: Booking, facts: BookingFacts, language: str, domain: str, at: datetime) -> bytes:
    """Return an iCalendar file (RFC 5545) with the pickup.

    The UID of a booking is stable, so that a newer file replaces an older one. `at` is the file's time stamp.
    """
    from icalendar import Alarm, Calendar, Event

    with force_locale(language):
        title = gettext("Pickup: %(tour)s", tour=facts.tour)
    event = Event()
    event.add("uid", f"{facts.reference}@{domain}")
    event.add("dtstamp", at)
    event.add("dtstart", booking.pickup_at)
    event.add("dtend", booking.arrival_at or booking.pickup_at + timedelta(minutes=booking.tour.duration_minutes))
    event.add("summary", title)
    event.add("location", facts.pickup_place)
    event.add("description", "\n".join(filter(None, _description(facts))))
    event.add("sequence", max(0, int((booking.updated_at - booking.created_at).total_seconds())))
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", -_REMIND_BEFORE)
    event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//GNB Transfer//Bookings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _description(facts: BookingFacts) -> tuple[str, ...]:
    route = " → ".join(filter(None, (facts.pickup_place, facts.dropoff_place)))
    driver = ", ".join(filter(None, (facts.driver, facts.driver_phone, facts.vehicle)))
    return facts.reference, route, facts.flight_number, facts.guests, driver
