"""The content of each kind of delivery, from the rows that it refers to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gnb.extensions import db, settings
from gnb.messages.formats import text_language
from gnb.models import Booking, Campaign, Delivery, User, normalize_email, now
from gnb.services.accounts import authentication
from gnb.services.bookings.access import booking_of_address, guest_link
from gnb.services.mail import InvalidMessage
from gnb.services.mail.addresses import one_line
from gnb.services.mail.booking_facts import BookingFacts, booking_facts, pickup_calendar
from gnb.services.mail.message import Attachment, Content, sender_domain
from gnb.services.mail.recipients import unsubscribe_url
from gnb.services.mail.rendering import plain_text, render


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
