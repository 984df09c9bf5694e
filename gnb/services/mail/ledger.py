"""The ledger of mail: a delivery is planned with its cause, taken by one sender at a time, and settled.

A row is taken before the server is spoken to, by an update that only one of two can win; `attempts` numbers the takes,
and settling counts only under the number that was taken. One taken `TAKEN_FOR` ago and never settled was left by a
process that died: it may be taken again. So may one that has failed, because nobody took its message: its job runs
again when a person has mended the cause and presses Retry.
"""

from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import LANGUAGES, Booking, Delivery, DeliveryMessage, User, now
from gnb.services.mail.addresses import checked_address, checked_subject, one_line
from gnb.services.mail.errors import AlreadyBeingSent, InvalidMessage
from gnb.services.mail.words import text_language

PRIORITIES = {
    "booking-confirmation": 1,
    "payment-confirmation": 1,
    "booking-cancellation": 1,
    "password-reset": 1,
    "registration": 1,
    "account-exists": 1,
    "email": 3,
    "weekly-report": 3,
    "campaign-notification": 6,
}
"""A campaign waits while there is anything else to send."""

TAKEN_FOR = timedelta(seconds=70)
"""Longer than a job may run (60 s) and be killed: whoever took a row longer ago is no more."""

CALLED_OFF = "the campaign was cancelled"
BOOKING_CANCELLED = "the booking was cancelled"
UNWANTED = "the recipient does not want this kind of mail"

LONGEST_TEXT = 200_000
_NAME_KEPT = 200
# Taking and settling go past the mapper: they are most of what the database does for a message.
_rows: Any = Delivery.__table__
_TAKE = (
    sa.update(_rows)
    .where(
        _rows.c.id == sa.bindparam("delivery"),
        sa.or_(
            _rows.c.state.in_(("queued", "failed")),
            sa.and_(_rows.c.state == "sending", _rows.c.sending_at <= sa.bindparam("lapsed")),
        ),
    )
    .values(state="sending", sending_at=sa.bindparam("moment"), attempts=_rows.c.attempts + 1)
    .returning(_rows.c.attempts)
)


def plan(kind: str, recipient: str, name: str = "", **fields: Any) -> Delivery:
    """A new row in the session, in its caller's transaction; after the commit it is in the queue by itself.

    Raises InvalidMessage for an address that is none.
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
    """A message with a text of its caller's. Raises InvalidMessage."""
    if not (html or text):
        raise InvalidMessage("the message is empty")
    for part in (html, text):
        if part is not None and (not isinstance(part, str) or len(part) > LONGEST_TEXT):
            raise InvalidMessage(f"the text is longer than {LONGEST_TEXT:,} characters")
    content = {name: _storable(part) for name, part in (("html", html), ("text", text)) if part is not None}
    return plan(fields.pop("kind", "email"), to, subject=checked_subject(subject), content=content, **fields)


def plan_booking(kind: str, booking: Booking, received: bool = False) -> Delivery:
    """A message about the booking. A bad address is a failed row, never an error: no booking is refused for its mail.

    A booking has one message of the kind, and planning it again gives the one there is. `received`: the confirmation
    says no more yet than that the booking is here; the one that confirms it comes later.
    """
    key = f"{kind}:{booking.id}{':received' if received else ''}"
    if known := db.session.scalar(sa.select(Delivery).where(Delivery.unique_key == key)):
        return known
    fields: dict[str, Any] = {
        "unique_key": key,
        "booking_id": booking.id,
        "user_id": booking.user_id,
        "language": booking.language,
        "content": {"received": True} if received else {},
    }
    try:
        return plan(kind, booking.customer_email, booking.customer_name, **fields)
    except InvalidMessage as error:
        address = one_line(booking.customer_email, 254)
        failed = Delivery(kind=kind, recipient=address, state="failed", error=str(error), priority=1, **fields)
        db.session.add(failed)
        db.session.flush()
        return failed


def call_off_booking(booking_id: int) -> None:
    """Send no more of what was planned about the booking, in the caller's transaction; what is on its way stays so."""
    db.session.execute(
        sa.update(_rows)
        .where(_rows.c.booking_id == booking_id, _rows.c.state == "queued")
        .values(state="suppressed", error=BOOKING_CANCELLED)
    )


def plan_for_user(kind: str, user: User, **fields: Any) -> Delivery:
    """A message to somebody with an account. Raises InvalidMessage."""
    language = user.language if user.language in LANGUAGES else text_language(None)
    return plan(kind, user.email, user.name, user_id=user.id, language=language, **fields)


def plan_again(delivery: Delivery) -> Delivery:
    """A new delivery of the same message to the same recipient. Raises InvalidMessage."""
    content = dict(delivery.content)
    if delivery.campaign_id:
        content["campaign"] = delivery.campaign_id  # it is no part of the campaign's count
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


def take(delivery_id: int, at: datetime | None = None) -> int | None:
    """The number under which the row is now ours; None when there is nothing (left) to send. Commits.

    Raises AlreadyBeingSent while it is somebody else's.
    """
    moment = at or now()
    number = db.session.scalar(_TAKE, {"delivery": delivery_id, "moment": moment, "lapsed": moment - TAKEN_FOR})
    db.session.commit()
    if number is None:
        since = db.session.scalar(
            sa.select(Delivery.sending_at).where(Delivery.id == delivery_id, Delivery.state == "sending")
        )
        db.session.rollback()
        if since is not None:
            raise AlreadyBeingSent((since + TAKEN_FOR - moment).total_seconds())
    return number


def settle_sent(
    delivery_id: int, number: int, provider: str, message_id: str, subject: str, kept: bytes | None
) -> bool:
    """Record that the server took the message; False when the row was taken by another meanwhile. Commits."""
    done = _settle(
        delivery_id,
        number,
        state="sent",
        message_id=message_id,
        provider=provider,
        subject=one_line(subject, 300),
        sent_at=now(),
        error=None,
    )
    if done and kept is not None:
        db.session.execute(sa.delete(DeliveryMessage).where(DeliveryMessage.delivery_id == delivery_id))
        db.session.execute(sa.insert(DeliveryMessage).values(delivery_id=delivery_id, source=kept, created_at=now()))
    db.session.commit()
    return done


def settle_failed(delivery_id: int, number: int, provider: str, words: str) -> None:
    """Record a refusal for good, in the server's words. Commits."""
    _settle(delivery_id, number, state="failed", provider=provider, error=words)
    db.session.commit()


def settle_suppressed(delivery_id: int, number: int, why: str) -> None:
    """Record that the message is not wanted (any more). Commits."""
    _settle(delivery_id, number, state="suppressed", error=why)
    db.session.commit()


def give_back(delivery_id: int, number: int, words: str | None) -> None:
    """Put the row back among the queued: it will be tried again. Commits."""
    _settle(delivery_id, number, state="queued", error=words)
    db.session.commit()


def hold(delivery_id: int, number: int) -> None:
    """Put the row back as if it had never been in the queue: its campaign is paused. Commits."""
    _settle(delivery_id, number, state="queued", enqueued_at=None, attempts=_rows.c.attempts - 1)
    db.session.commit()


def _settle(delivery_id: int, number: int, **values: Any) -> bool:
    done = db.session.execute(
        sa.update(_rows)
        .where(_rows.c.id == delivery_id, _rows.c.state == "sending", _rows.c.attempts == number)
        .values(**values)
    )
    return cast("sa.CursorResult[Any]", done).rowcount == 1


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()
