"""Mail: what the rest of the application calls.

    plan_booking_confirmation(booking)            # in the caller's transaction; sent after its commit
    send_booking_confirmation_async(booking)      # the same with the commit: .job_id, or .sync and .data
    send_booking_confirmation(booking)            # here and now, waiting for the server

`plan_…` adds a row to the ledger and leaves the commit to its caller; the rest is seen to after it (see
`mail.after_commit`). `send_…` and `…_async` commit. Each raises InvalidMessage for what no message can be made of;
`send_…` also MailUnavailable and MailRefused, with the server's words.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gnb.extensions import db
from gnb.models import Booking, Campaign, Delivery, User
from gnb.services.mail import after_commit, campaigns, ledger, planning, queueing, sending
from gnb.services.mail.errors import InvalidMessage, MailError, MailRefused, MailUnavailable
from gnb.services.mail.segments import with_users
from gnb.services.mail.sweep import enqueue_left_behind

__all__ = [
    "InvalidMessage",
    "MailError",
    "MailOutcome",
    "MailRefused",
    "MailUnavailable",
    "enqueue_left_behind",
    "plan_account_exists",
    "plan_booking_cancellation",
    "plan_booking_confirmation",
    "plan_booking_received",
    "plan_campaign_notification",
    "plan_email",
    "plan_no_account",
    "plan_password_reset",
    "plan_payment_confirmation",
    "plan_registration",
    "resend",
    "send_booking_confirmation",
    "send_booking_confirmation_async",
    "send_bulk_campaign_notifications",
    "send_campaign_notification",
    "send_campaign_notification_async",
    "send_email",
    "send_email_async",
    "send_payment_confirmation",
    "send_payment_confirmation_async",
]


@dataclass(frozen=True)
class MailOutcome:
    """What became of a request: queued as `job_id`, or, with the broker away, seen to at once (`sync`).

    `data` is then `{"deliveryId", "state", "messageId"}`; state `queued` means that mail was away too, and that the
    sweep sends it later.
    """

    delivery_id: int
    job_id: str | None = None
    sync: bool = False
    data: dict[str, Any] | None = None
    success: bool = True


# In the caller's transaction


def plan_email(to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any) -> Delivery:
    """Any message; `html` goes out as it is, a lone `text` in the house's letterhead. `kind="weekly-report"` too."""
    return ledger.plan_text(to, subject, html, text, **fields)


def plan_booking_received(booking: Booking) -> Delivery:
    """What a customer gets at once: that the booking is here and will be confirmed, once for each booking."""
    return ledger.plan_booking("booking-confirmation", booking, received=True)


def plan_booking_confirmation(booking: Booking) -> Delivery:
    """The confirmation, once for each booking, with the pickup as a calendar file."""
    return ledger.plan_booking("booking-confirmation", booking)


def plan_payment_confirmation(booking: Booking) -> Delivery:
    """That the payment has arrived, once for each booking."""
    return ledger.plan_booking("payment-confirmation", booking)


def plan_booking_cancellation(booking: Booking) -> Delivery:
    """That the booking is cancelled, once for each booking."""
    return ledger.plan_booking("booking-cancellation", booking)


def plan_campaign_notification(user: User, campaign: Campaign) -> Delivery:
    """A campaign's message to one account, once for each."""
    key = f"campaign:{campaign.id}:user:{user.id}"
    if known := db.session.query(Delivery).filter_by(unique_key=key).one_or_none():
        return known
    return ledger.plan_for_user("campaign-notification", user, campaign_id=campaign.id, unique_key=key)


def plan_password_reset(user: User, path: str = "/reset-password/{token}") -> Delivery:
    """The link that sets a new password; `{token}` in the path is made when the message is, and kept nowhere."""
    return ledger.plan_for_user("password-reset", user, content={"path": path})


def plan_no_account(email: str, language: str) -> Delivery:
    """To somebody who asks for a new password: that there is no account with this address."""
    return ledger.plan("password-reset", email, language=language)


def plan_registration(email: str, name: str, language: str, path: str = "/register/{token}") -> Delivery:
    """The link that opens an account for this address; `{token}` in the path is made when the message is."""
    return ledger.plan("registration", email, name, language=language, content={"path": path, "name": name})


def plan_account_exists(user: User) -> Delivery:
    """To somebody who registers once more: that there is an account, and how to get in."""
    return ledger.plan_for_user("account-exists", user)


# Here and now


def send_email(to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any) -> Delivery:
    """Any message, sent before this returns."""
    return _now(lambda: plan_email(to, subject, html, text, **fields))


def send_booking_confirmation(booking: Booking | int, user: User | None = None) -> Delivery:
    """The confirmation, sent before this returns. Who it goes to stands in the booking."""
    return _now(lambda: plan_booking_confirmation(_booking(booking)))


def send_payment_confirmation(booking: Booking | int, user: User | None = None) -> Delivery:
    """That the payment has arrived, sent before this returns."""
    return _now(lambda: plan_payment_confirmation(_booking(booking)))


def send_campaign_notification(user: User, campaign: Campaign) -> Delivery:
    """A campaign's message to one account, sent before this returns."""
    return _now(lambda: plan_campaign_notification(user, campaign))


# By the queue


def send_email_async(
    to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any
) -> MailOutcome:
    """Any message, queued."""
    return _soon(lambda: plan_email(to, subject, html, text, **fields))


def send_booking_confirmation_async(booking: Booking | int, user: User | None = None) -> MailOutcome:
    """The confirmation, queued."""
    return _soon(lambda: plan_booking_confirmation(_booking(booking)))


def send_payment_confirmation_async(booking: Booking | int, user: User | None = None) -> MailOutcome:
    """That the payment has arrived, queued."""
    return _soon(lambda: plan_payment_confirmation(_booking(booking)))


def send_campaign_notification_async(user: User, campaign: Campaign) -> MailOutcome:
    """A campaign's message to one account, queued."""
    return _soon(lambda: plan_campaign_notification(user, campaign))


def resend(delivery: Delivery) -> MailOutcome:
    """The same message to the same recipient once more, as a delivery of its own."""
    return _soon(lambda: ledger.plan_again(delivery))


def send_bulk_campaign_notifications(users: Iterable[Any] | None, campaign: Campaign) -> int:
    """Begin the campaign's mailing, to these accounts (or ids) or, with None, to its segment; how many it writes to.

    One job plans it; the queue's rate limit spaces the messages. Raises MailingRefused.
    """
    if users is not None:
        campaign.segment = with_users(campaign.segment, users)
        db.session.commit()
    return campaigns.start(campaign)


def follow_mailing(campaign_id: int, report: planning.Report) -> str:
    """Bring queue and ledger to the mailing's state, which comes back; what the job `campaign-mailing` does."""
    return planning.follow(campaign_id, report)


def deliver(delivery_id: int) -> sending.Outcome:
    """Send one delivery of the ledger, if it is still to be sent; what the jobs of the queue `email` do."""
    return sending.send(delivery_id)


def _booking(booking: Booking | int) -> Booking:
    found = db.session.get(Booking, booking) if isinstance(booking, int) else booking
    if found is None:
        raise InvalidMessage(f"there is no booking {booking}")
    return found


def _now(make: Callable[[], Delivery]) -> Delivery:
    """Plan, commit, send; the delivery as it is then. It is not put into the queue."""
    with after_commit.left_alone():
        delivery = make()
        db.session.commit()
    if delivery.state == "queued":
        sending.send(delivery.id)
    db.session.refresh(delivery)
    if delivery.state == "failed":
        raise MailRefused(delivery.error or "the message was refused")
    return delivery


def _soon(make: Callable[[], Delivery]) -> MailOutcome:
    delivery = make()
    delivery_id = delivery.id
    db.session.commit()
    db.session.refresh(delivery)
    if delivery.enqueued_at is not None:
        return MailOutcome(delivery_id, job_id=queueing.job_id(delivery_id))
    data = {"deliveryId": delivery_id, "state": delivery.state, "messageId": delivery.message_id}
    return MailOutcome(delivery_id, sync=True, data=data, success=delivery.state != "failed")
