"""The ledger of mail: a delivery is planned with its cause, claimed by one sender at a time, and finished.

A row is claimed before the server is contacted, by an update that only one of two senders can win. `attempts` numbers
the claims, and an outcome is recorded only under the number of the claim. A claim lasts longer than its job may run; a
row whose claim has expired belongs to a process that died: it may be claimed again. So may a failed row, since its
message was not accepted: its job is retried when a person has fixed the cause.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.messages import Message, error_columns, make_message
from gnb.messages.formats import text_language
from gnb.models import LANGUAGES, Booking, Delivery, DeliveryMessage, User, execute_count, now
from gnb.services.mail import AlreadyBeingSent, InvalidMessage
from gnb.services.mail.addresses import checked_address, checked_subject, one_line

PRIORITIES = {
    "booking-confirmation": 2,
    "payment-confirmation": 2,
    "booking-cancellation": 3,
    "password-reset": 1,
    "registration": 1,
    "account-exists": 1,
    "email": 3,
    "weekly-report": 3,
    "campaign-notification": 6,
}
"""Mail about accounts goes first: strangers can cause mail about bookings, and a sign-in must not wait for it. What
strangers cause by a form alone (a booking was received or cancelled) comes after what staff have confirmed. A campaign
waits while anything else is to be sent."""

_RECEIVED_PRIORITY = 3

CLAIM_TTL = timedelta(seconds=70)
"""How long a claim lasts at least: longer than a job runs by default (60 s) and is killed."""

_TO_BE_KILLED = timedelta(seconds=10)
_LONGEST_CLAIM = 86_400.0

CAMPAIGN_CANCELLED = make_message("suppressed.campaign_cancelled")
CAMPAIGN_OVER = make_message("suppressed.campaign_over")
BOOKING_CANCELLED = make_message("suppressed.booking_cancelled")
NO_SUCH_BOOKING = make_message("suppressed.no_such_booking")
UNWANTED = make_message("suppressed.unwanted")

LONGEST_TEXT = 200_000
_NAME_KEPT = 200
# Claiming and finishing use the table without the mapper: they are most of the database's work for a message.
_rows: Any = Delivery.__table__
_CLAIM = (
    sa.update(_rows)
    .where(
        _rows.c.id == sa.bindparam("delivery"),
        sa.or_(
            _rows.c.state.in_(("queued", "failed")),
            sa.and_(_rows.c.state == "sending", _rows.c.claimed_until <= sa.bindparam("moment")),
        ),
    )
    .values(
        state="sending",
        sending_at=sa.bindparam("moment"),
        claimed_until=sa.bindparam("until"),
        attempts=_rows.c.attempts + 1,
    )
    .returning(_rows.c.attempts)
)


def plan(kind: str, recipient: str, name: str = "", **fields: Any) -> Delivery:
    """Add a delivery in the caller's transaction; it is enqueued after the commit.

    Raises InvalidMessage for an invalid address.
    """
    delivery = Delivery(
        kind=kind,
        recipient=checked_address(recipient),
        recipient_name=one_line(name, _NAME_KEPT) or None,
        priority=fields.pop("priority", PRIORITIES[kind]),
        **fields,
    )
    db.session.add(delivery)
    db.session.flush()
    return delivery


def plan_text(to: str, subject: str, html: str | None, text: str | None, **fields: Any) -> Delivery:
    """Plan a message with the caller's text. Raises InvalidMessage."""
    if not (html or text):
        raise InvalidMessage("empty")
    for part in (html, text):
        if part is not None and (not isinstance(part, str) or len(part) > LONGEST_TEXT):
            raise InvalidMessage("long_text", most=LONGEST_TEXT)
    content = {name: _storable(part) for name, part in (("html", html), ("text", text)) if part is not None}
    return plan(fields.pop("kind", "email"), to, subject=checked_subject(subject), content=content, **fields)


def plan_booking(kind: str, booking: Booking, content: dict[str, Any] | None = None) -> Delivery:
    """Plan a message about the booking, or return the one that was planned before.

    An invalid address gives a failed row and no error, so that no booking is rejected because of its mail.

    Args:
        content: `received`: the message says that the booking was received and will be confirmed later; `expired`:
            that it was cancelled because it was not confirmed in time.
    """
    content = content or {}
    received = bool(content.get("received"))
    key = f"{kind}:{booking.id}{':received' if received else ''}"
    if known := db.session.scalar(sa.select(Delivery).where(Delivery.unique_key == key)):
        return known
    fields: dict[str, Any] = {
        "unique_key": key,
        "booking_id": booking.id,
        "user_id": booking.user_id,
        "language": booking.language,
        "content": content,
        "priority": _RECEIVED_PRIORITY if received else PRIORITIES[kind],
    }
    try:
        # A stranger can book for any address and cancel again: these two mails have nothing that the guest typed.
        name = "" if received or kind == "booking-cancellation" else booking.customer_name
        return plan(kind, booking.customer_email, name, **fields)
    except InvalidMessage as error:
        address = one_line(booking.customer_email, 254)
        reason = error_columns(error.message)
        failed = Delivery(kind=kind, recipient=address, state="failed", **reason, **fields)
        db.session.add(failed)
        db.session.flush()
        return failed


def cancel_booking(booking_id: int) -> None:
    """Suppress what was planned about the booking, in the caller's transaction; what is being sent goes out."""
    _suppress(_rows.c.booking_id == booking_id, BOOKING_CANCELLED)


def cancel_campaign(campaign_id: int) -> None:
    """Suppress what was planned of the campaign, in the caller's transaction; what is being sent goes out."""
    _suppress(_rows.c.campaign_id == campaign_id, CAMPAIGN_CANCELLED)


def _suppress(condition: sa.ColumnElement[bool], reason: Message) -> None:
    queued = sa.update(_rows).where(condition, _rows.c.state == "queued")
    db.session.execute(queued.values(state="suppressed", **error_columns(reason)))


def plan_for_user(kind: str, user: User, **fields: Any) -> Delivery:
    """Plan a message to an account. Raises InvalidMessage."""
    language = user.language if user.language in LANGUAGES else text_language(None)
    return plan(kind, user.email, user.name, user_id=user.id, language=language, **fields)


def plan_again(delivery: Delivery) -> Delivery:
    """Plan a new delivery of the same message to the same recipient. Raises InvalidMessage."""
    content = dict(delivery.content)
    if delivery.campaign_id:
        content["campaign"] = delivery.campaign_id  # not counted in the campaign's mailing
    return plan(
        delivery.kind,
        delivery.recipient,
        delivery.recipient_name or "",
        subject=delivery.subject,
        content=content,
        language=delivery.language,
        user_id=delivery.user_id,
        booking_id=delivery.booking_id,
    )


def claim(delivery_id: int, at: datetime | None = None, timeout: float | None = 0) -> int | None:
    """Claim the row and return the claim's number; None when there is nothing to send. Commits.

    Raises AlreadyBeingSent while another sender holds the claim.

    Args:
        timeout: Seconds that the sender may take; None if it is never stopped.
    """
    moment = at or now()
    seconds = _LONGEST_CLAIM if timeout is None else min(timeout, _LONGEST_CLAIM)
    until = moment + max(timedelta(seconds=seconds) + _TO_BE_KILLED, CLAIM_TTL)
    number = db.session.scalar(_CLAIM, {"delivery": delivery_id, "moment": moment, "until": until})
    db.session.commit()
    if number is None:
        held = db.session.scalar(
            sa.select(Delivery.claimed_until).where(Delivery.id == delivery_id, Delivery.state == "sending")
        )
        db.session.rollback()
        if held is not None:
            raise AlreadyBeingSent((held - moment).total_seconds())
    return number


def finish_sent(
    delivery_id: int, number: int, provider: str, message_id: str, subject: str, kept: bytes | None
) -> bool:
    """Record that the server accepted the message; False if another sender has claimed the row since. Commits."""
    done = _finish(
        delivery_id,
        number,
        state="sent",
        message_id=message_id,
        provider=provider,
        subject=one_line(subject, 300),
        sent_at=now(),
        **error_columns(None),
    )
    if done and kept is not None:
        db.session.execute(sa.delete(DeliveryMessage).where(DeliveryMessage.delivery_id == delivery_id))
        db.session.execute(sa.insert(DeliveryMessage).values(delivery_id=delivery_id, source=kept, created_at=now()))
    db.session.commit()
    return done


def finish_failed(delivery_id: int, number: int, provider: str, reason: Message) -> None:
    """Record a permanent rejection with the server's reply. Commits."""
    _finish(delivery_id, number, state="failed", provider=provider, **error_columns(reason))
    db.session.commit()


def finish_suppressed(delivery_id: int, number: int, reason: Message) -> None:
    """Record that the message is not wanted. Commits."""
    _finish(delivery_id, number, state="suppressed", **error_columns(reason))
    db.session.commit()


def release(delivery_id: int, number: int, reason: Message) -> None:
    """Release the claim: the delivery will be tried again. Commits."""
    _finish(delivery_id, number, state="queued", **error_columns(reason))
    db.session.commit()


def hold(delivery_id: int, number: int) -> None:
    """Release the claim of a paused campaign's delivery; resuming enqueues it again. Commits."""
    _finish(delivery_id, number, state="queued", enqueued_at=None, attempts=_rows.c.attempts - 1)
    db.session.commit()


def _finish(delivery_id: int, number: int, **values: Any) -> bool:
    claimed = (_rows.c.id == delivery_id, _rows.c.state == "sending", _rows.c.attempts == number)
    return execute_count(sa.update(_rows).where(*claimed).values(**values)) == 1


def _storable(text: str) -> str:
    """Remove what PostgreSQL cannot store: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def campaign_row(campaign_id: int, recipient: sa.Row[int, str, str, str], moment: Any) -> dict[str, Any]:
    """Return the values of the row for one recipient of a campaign's mailing."""
    kind = "campaign-notification"
    return {
        "unique_key": f"campaign:{campaign_id}:user:{recipient.id}",
        "kind": kind,
        "state": "queued",
        "language": recipient.language if recipient.language in LANGUAGES else "en",
        "recipient": recipient.email,
        "recipient_name": one_line(recipient.name, 200),
        "user_id": recipient.id,
        "campaign_id": campaign_id,
        "content": {},
        "priority": PRIORITIES[kind],
        "attempts": 0,
        "created_at": moment,
    }
