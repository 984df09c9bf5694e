"""The content of each kind of delivery, from the rows that it refers to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale, gettext
from sqlalchemy.orm import object_session

from gnb.extensions import db, settings
from gnb.messages import formats
from gnb.messages.formats import text_language
from gnb.models import Booking, Campaign, Delivery, Extra, User, normalize_email, now
from gnb.services.accounts import authentication
from gnb.services.bookings.access import booking_of_address, guest_link
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import one_line
from gnb.services.mail.message import Attachment, Content, plain_text, render, sender_domain
from gnb.services.mail.recipients import unsubscribe_url

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


def content_of(delivery: Delivery) -> Content:
    """Return the content of the delivery's message. Raises InvalidMessage if its subject was deleted."""
    return _MAKERS[delivery.kind](delivery)


def lacks_booking(delivery: Delivery) -> bool:
    """Return whether the delivery carries the link of a booking that its recipient does not have."""
    return "reference" in delivery.content and _requested_booking(delivery) is None


def _requested_booking(delivery: Delivery) -> Booking | None:
    return booking_of_address(delivery.content["reference"], delivery.recipient)


def campaign_content(campaign: Campaign, language: str, name: str, unsubscribe: str) -> Content:
    """Return the campaign's message to one person; `{name}` in its texts becomes the name."""
    language = text_language(language)
    name = one_line(name)
    subject, html, text = render(
        "campaign-notification",
        language,
        **_letterhead(),
        subject=campaign.subject(language).replace("{name}", name),
        body=campaign.body(language).replace("{name}", name),
        unsubscribe_url=unsubscribe,
    )
    headers = {"Precedence": "bulk"}
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Content(subject, html, text, language, headers=headers)


def _generic(delivery: Delivery) -> Content:
    if "reference" in delivery.content:
        return _booking_link(delivery)
    html, text = delivery.content.get("html"), delivery.content.get("text")
    if text is None:
        text = plain_text(html or "")
    if html is None:
        language = text_language(delivery.language)
        _, html, text = render("email", language, **_letterhead(), subject=delivery.subject or "", body=text)
    return Content(delivery.subject or "", html, text, text_language(delivery.language))


def _booking_link(delivery: Delivery) -> Content:
    booking, language = _requested_booking(delivery), text_language(delivery.language)
    if booking is None:
        raise InvalidMessage("no_booking")
    facts = {"reference": booking.reference, "link_url": guest_link(booking)}
    return Content(*render("booking-link", language, **_letterhead(), **facts), language)


def _booking(delivery: Delivery) -> Content:
    language, facts = text_language(delivery.language), _facts(delivery)
    if not _is_address_confirmed(delivery):
        facts = replace(facts, notes="")
    template = "booking-received" if delivery.content.get("received") else delivery.kind
    subject, html, text = render(
        template, language, **_letterhead(), booking=facts, expired=delivery.content.get("expired")
    )
    calendar = None
    if template == "booking-confirmation" and delivery.booking is not None:
        domain = sender_domain(settings().email_from)
        calendar = pickup_calendar(delivery.booking, facts, language, domain, now())
    return Content(subject, html, text, language, calendar)


def _facts(delivery: Delivery) -> BookingFacts:
    if delivery.booking is None:
        raise InvalidMessage("no_booking")
    return booking_facts(delivery.booking, text_language(delivery.language))


def _is_address_confirmed(delivery: Delivery) -> bool:
    """Return whether the recipient is the account that booked: only that address has ever answered a mail."""
    user = delivery.booking.user if delivery.booking else None
    return user is not None and normalize_email(user.email) == normalize_email(delivery.recipient)


def _campaign(delivery: Delivery) -> Content:
    campaign = delivery.campaign or db.session.get(Campaign, delivery.content.get("campaign", 0))
    if campaign is None:
        raise InvalidMessage("no_campaign")
    unsubscribe = unsubscribe_url(delivery.user_id) if delivery.user_id else ""
    return campaign_content(campaign, delivery.language, delivery.recipient_name or "", unsubscribe)


def _password_reset(delivery: Delivery) -> Content:
    language = text_language(delivery.language)
    if "path" not in delivery.content:  # no account has this address; only the mail says so
        return Content(*render("no-account", language, **_letterhead()), language)
    user = db.session.get(User, delivery.user_id) if delivery.user_id else None
    if user is None:
        raise InvalidMessage("no_account")
    # Created with the message and not stored, so that nobody who reads the database can sign in with it.
    link = f"{settings().site_url}{delivery.content['path'].replace('{token}', authentication.reset_token(user))}"
    subject, html, text = render("password-reset", language, **_letterhead(), name=one_line(user.name), link_url=link)
    return Content(subject, html, text, language)


def _registration(delivery: Delivery) -> Content:
    language, name = text_language(delivery.language), delivery.content["name"]
    # Created with the message, like the link for a new password.
    token = authentication.registration_token(delivery.id)
    link = f"{settings().site_url}{delivery.content['path'].replace('{token}', token)}"
    subject, html, text = render("registration", language, **_letterhead(), name=one_line(name), link_url=link)
    return Content(subject, html, text, language)


def _account_exists(delivery: Delivery) -> Content:
    language = text_language(delivery.language)
    name = one_line(delivery.recipient_name or "")
    return Content(*render("account-exists", language, **_letterhead(), name=name), language)


def _weekly_report(delivery: Delivery) -> Content:
    report = delivery.content.get("report")
    if report is None:
        return _generic(delivery)
    from gnb.services.reports import rendering  # WeasyPrint is large, and only this kind needs it

    language = text_language(delivery.language)
    subject, html, text = rendering.report_message(report, language, **_letterhead())
    attached = Attachment(rendering.file_name(report), "pdf", rendering.report_pdf(report, language))
    return Content(subject, html, text, language, attachments=(attached,))


def _letterhead() -> dict[str, Any]:
    return {"site_url": settings().site_url}


_MAKERS: dict[str, Callable[[Delivery], Content]] = {
    "email": _generic,
    "weekly-report": _weekly_report,
    "booking-confirmation": _booking,
    "payment-confirmation": _booking,
    "booking-cancellation": _booking,
    "campaign-notification": _campaign,
    "password-reset": _password_reset,
    "registration": _registration,
    "account-exists": _account_exists,
}
