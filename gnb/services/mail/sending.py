"""One delivery, from its row to its outcome.

A crash between the server's last reply and the commit that records it sends a message twice (docs/mail.md): a mail
server and a database cannot commit together, and a duplicate under one Message-ID is better than a lost message.
"""

import time
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from gnb.extensions import db, settings
from gnb.messages import Message, as_message
from gnb.models import Campaign, Delivery, now
from gnb.services.mail import InvalidMessage, MailRefused, ledger
from gnb.services.mail.addresses import wire_address
from gnb.services.mail.contents import content_of, lacks_booking
from gnb.services.mail.message import Content, Envelope, build, message_id
from gnb.services.mail.providers import Provider, provider
from gnb.services.mail.recipients import wants

log = structlog.stdlib.get_logger(__name__)

_TRIES_TO_RECORD = 5
# Stored although a server has them: they are few, and admins are asked about them. A campaign's text is stored with the
# campaign, and a link that sets a password is for its recipient only.
_KEPT_KINDS = frozenset(
    {"email", "booking-confirmation", "payment-confirmation", "booking-cancellation", "weekly-report"}
)


@dataclass(frozen=True)
class Outcome:
    """The outcome: `sent`, `suppressed`, `held` (its campaign is paused) or `finished` (before, by another sender)."""

    state: str
    message_id: str | None = None


def send(delivery_id: int, inline: bool = False, timeout: float | None = 0) -> Outcome:
    """Send the delivery if it is still to be sent.

    Raises MailUnavailable (it is queued again), MailRefused (it has failed), AlreadyBeingSent.

    Args:
        inline: A person waits: replies of the server are waited for only briefly.
        timeout: Seconds after which the sender is stopped, None for never; nobody else sends it meanwhile.
    """
    number = ledger.claim(delivery_id, timeout=timeout)
    if number is None:
        return Outcome("finished")
    try:
        return _send_claimed(delivery_id, number, provider(inline))
    except (MailRefused, InvalidMessage) as error:
        db.session.rollback()
        ledger.finish_failed(delivery_id, number, settings().email_provider, error.message)
        raise MailRefused(error.message) from error
    except BaseException as error:
        # Also after a timeout or a stop of the job, so that the next attempt need not wait for the claim to expire.
        db.session.rollback()
        ledger.release(delivery_id, number, _reason(error))
        raise


def _send_claimed(delivery_id: int, number: int, by: Provider) -> Outcome:
    fresh = {"populate_existing": True}
    statement = sa.select(Delivery).options(joinedload(Delivery.campaign)).where(Delivery.id == delivery_id)
    delivery = db.session.scalars(statement, execution_options=fresh).one()
    if reason := suppression(delivery):
        ledger.finish_suppressed(delivery_id, number, reason)
        return Outcome("suppressed")
    if delivery.campaign and delivery.campaign.mailing_state == "paused":
        ledger.hold(delivery_id, number)
        return Outcome("held")
    envelope, content = _envelope(delivery), content_of(delivery)
    source = build(envelope, content)
    kept = source if by.keeps or delivery.kind in _KEPT_KINDS else None
    db.session.rollback()  # no transaction stays open while waiting for the server
    by.send(envelope.sender_address, envelope.recipient, source)
    _record(delivery_id, number, by.name, envelope, content, kept)
    return Outcome("sent", envelope.message_id)


def suppression(delivery: Delivery) -> Message | None:
    """Return why the message is not to be sent as things are now, None if it is."""
    campaign = delivery.campaign
    if campaign is None and (number := delivery.content.get("campaign")):  # a test, or sent again
        campaign = db.session.get(Campaign, number)
    if campaign and campaign.ends_at <= now():
        return ledger.CAMPAIGN_OVER
    if delivery.campaign and delivery.campaign.mailing_state == "cancelled":
        return ledger.CAMPAIGN_CANCELLED
    if not wants(delivery.recipient, delivery.kind):
        return ledger.UNWANTED
    # The booking as it is now: it may have been cancelled after the message was planned, rejected or retried.
    if delivery.booking and delivery.booking.status == "cancelled" and delivery.kind != "booking-cancellation":
        return ledger.BOOKING_CANCELLED
    return ledger.NO_SUCH_BOOKING if lacks_booking(delivery) else None


def _reason(error: BaseException) -> Message:
    found = as_message(error)
    return found if found.code else Message(found[:1000] or type(error).__name__)


def source_of(delivery: Delivery) -> bytes:
    """Build the delivery's message as it would be sent now. Raises InvalidMessage."""
    return build(_envelope(delivery), content_of(delivery))


def _envelope(delivery: Delivery) -> Envelope:
    chosen = settings()
    return Envelope(
        sender=chosen.email_from,
        recipient=wire_address(delivery.recipient),
        recipient_name=delivery.recipient_name or "",
        message_id=message_id(delivery.id, chosen.email_from, chosen.secret_key),
        date=delivery.sent_at or now(),
    )


def _record(
    delivery_id: int, number: int, provider_name: str, envelope: Envelope, content: Content, kept: bytes | None
) -> None:
    """Record that the message was sent, with retries: an unrecorded message would be sent again."""
    for attempt in range(1, _TRIES_TO_RECORD + 1):
        try:
            ledger.finish_sent(delivery_id, number, provider_name, envelope.message_id, content.subject, kept)
            return
        except OperationalError:
            db.session.rollback()
            log.warning("a sent message could not be recorded yet", delivery=delivery_id, attempt=attempt)
            if attempt == _TRIES_TO_RECORD:
                raise
            time.sleep(0.2 * attempt)
