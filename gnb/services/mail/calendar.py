"""The pickup as a calendar file, so that it lands in the customer's own calendar."""

from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

from gnb.models import Booking
from gnb.services.mail.booking_facts import BookingFacts

_REMIND_BEFORE = timedelta(hours=2)
_TITLES = {"en": "Pickup: {tour}", "tr": "Alınış: {tour}"}


def pickup_calendar(booking: Booking, facts: BookingFacts, language: str, domain: str, at: datetime) -> bytes:
    """An iCalendar file (RFC 5545) with the pickup; the same booking keeps its UID, so a newer file replaces an older.

    `at` is when the file is made.
    """
    title = _TITLES[language].format(tour=facts.tour)
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
