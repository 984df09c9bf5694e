"""Mail: the interface for the rest of the application.

    plan_booking_confirmation(booking)            # in the caller's transaction; sent after its commit
    send_booking_confirmation_async(booking)      # plans and commits: .job_id, or .sync and .data
    send_booking_confirmation(booking)            # sends before it returns

`plan_…` adds a row to the ledger; the caller commits, and the row is then enqueued (see `mail.outbox`). `send_…` and
`…_async` commit. All raise InvalidMessage for invalid input; `send_…` also MailUnavailable and MailRefused, with the
server's reply.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gnb.extensions import db
from gnb.messages import stored_error
from gnb.models import Booking, Campaign, Delivery, User
from gnb.services.mail import (
    InvalidMessage,
    MailError,
    MailRefused,
    MailUnavailable,
    campaigns,
    ledger,
    outbox,
    sending,
)
from gnb.services.mail.recipients import with_users
from gnb.services.mail.sweep import requeue_stale_deliveries
from gnb.services.queue_service import Progress

__all__ = [
    "InvalidMessage",
    "MailError",
    "MailOutcome",
    "MailRefused",
    "MailUnavailable",
    "plan_account_exists",
    "plan_booking_cancellation",
    "plan_booking_confirmation",
    "plan_booking_expiry",
    "plan_booking_link",
    "plan_booking_received",
    "plan_campaign_notification",
    "plan_email",
    "plan_no_account",
    "plan_password_reset",
    "plan_payment_confirmation",
    "plan_registration",
    "requeue_stale_deliveries",
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
    """The outcome of a request: queued as `job_id`, or, with the broker unreachable, sent inline (`sync`).

    `data` is then `{"deliveryId", "state", "messageId"}`; state `queued` means that the mail server was unreachable
    too, and that the sweep sends it later.
    """

    delivery_id: int
    job_id: str | None = None
    sync: bool = False
    data: dict[str, Any] | None = None
    success: bool = True


# In the caller's transaction


def plan_email(to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any) -> Delivery:
    """Plan any message. `html` is sent unchanged; `text` alone is sent in the application's layout."""
    return ledger.plan_text(to, subject, html, text, **fields)


def plan_booking_received(booking: Booking) -> Delivery:
    """Plan the message that a booking was received and will be confirmed, once per booking."""
    return ledger.plan_booking("booking-confirmation", booking, content={"received": True})


def plan_booking_confirmation(booking: Booking) -> Delivery:
    """Plan the confirmation with the pickup as a calendar file, once per booking."""
    return ledger.plan_booking("booking-confirmation", booking)


def plan_payment_confirmation(booking: Booking) -> Delivery:
    """Plan the message that the payment has arrived, once per booking."""
    return ledger.plan_booking("payment-confirmation", booking)


def plan_booking_cancellation(booking: Booking) -> Delivery:
    """Plan the message that the booking is cancelled, once per booking."""
    return ledger.plan_booking("booking-cancellation", booking)


def plan_booking_expiry(booking: Booking) -> Delivery:
    """Plan the message that the booking was not confirmed in time and is cancelled, once per booking."""
    return ledger.plan_booking("booking-cancellation", booking, content={"expired": True})


def plan_booking_link(reference: str, email: str, language: str) -> Delivery:
    """Plan the link of the booking with this reference, for an address that a visitor typed.

    The booking is looked up when the message is sent; it is suppressed unless the address is the customer's.
    """
    priority = ledger.PRIORITIES["registration"]
    return ledger.plan("email", email, content={"reference": reference}, language=language, priority=priority)


def plan_campaign_notification(user: User, campaign: Campaign) -> Delivery:
    """Plan a campaign's message to one account, once per account."""
    key = f"campaign:{campaign.id}:user:{user.id}"
    if known := db.session.query(Delivery).filter_by(unique_key=key).one_or_none():
        return known
    return ledger.plan_for_user("campaign-notification", user, campaign_id=campaign.id, unique_key=key)


def plan_password_reset(user: User, path: str = "/reset-password/{token}") -> Delivery:
    """Plan the link that sets a new password; `{token}` in the path is created with the message and not stored."""
    return ledger.plan_for_user("password-reset", user, content={"path": path})


def plan_no_account(email: str, language: str) -> Delivery:
    """Plan the answer to a password request for an address without an account."""
    return ledger.plan("password-reset", email, language=language)


def plan_registration(email: str, name: str, language: str, path: str = "/register/{token}") -> Delivery:
    """Plan the link that opens an account; `{token}` in the path is created with the message."""
    return ledger.plan("registration", email, name, language=language, content={"path": path, "name": name})


def plan_account_exists(user: User) -> Delivery:
    """Plan the answer to a registration with an address that has an account."""
    return ledger.plan_for_user("account-exists", user)


# Sent before the call returns


def send_email(to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any) -> Delivery:
    """Send any message before returning."""
    return _send(lambda: plan_email(to, subject, html, text, **fields))


def send_booking_confirmation(booking: Booking | int, user: User | None = None) -> Delivery:
    """Send the confirmation before returning. The recipient is the booking's customer."""
    return _send(lambda: plan_booking_confirmation(_booking(booking)))


def send_payment_confirmation(booking: Booking | int, user: User | None = None) -> Delivery:
    """Send the payment confirmation before returning."""
    return _send(lambda: plan_payment_confirmation(_booking(booking)))


def send_campaign_notification(user: User, campaign: Campaign) -> Delivery:
    """Send a campaign's message to one account before returning."""
    return _send(lambda: plan_campaign_notification(user, campaign))


# Queued


def send_email_async(
    to: str, subject: str, html: str | None = None, text: str | None = None, **fields: Any
) -> MailOutcome:
    """Queue any message."""
    return _queue(lambda: plan_email(to, subject, html, text, **fields))


def send_booking_confirmation_async(booking: Booking | int, user: User | None = None) -> MailOutcome:
    """Queue the confirmation."""
    return _queue(lambda: plan_booking_confirmation(_booking(booking)))


def send_payment_confirmation_async(booking: Booking | int, user: User | None = None) -> MailOutcome:
    """Queue the payment confirmation."""
    return _queue(lambda: plan_payment_confirmation(_booking(booking)))


def send_campaign_notification_async(user: User, campaign: Campaign) -> MailOutcome:
    """Queue a campaign's message to one account."""
    return _queue(lambda: plan_campaign_notification(user, campaign))


def resend(delivery: Delivery) -> MailOutcome:
    """Queue the same message to the same recipient again, as a new delivery."""
    return _queue(lambda: ledger.plan_again(delivery))


def send_bulk_campaign_notifications(users: Iterable[Any] | None, campaign: Campaign) -> int:
    """Start the campaign's mailing and return how many accounts it writes to.

    One job plans it; the queue's rate limit spaces the messages. Raises MailingRefused.

    Args:
        users: Accounts or ids; None for the campaign's segment.
    """
    if users is not None:
        campaign.segment = with_users(campaign.segment, users)
        db.session.commit()
    return campaigns.start(campaign)


def reconcile_mailing(campaign_id: int, progress: Progress) -> str:
    """Plan what a mailing has left to plan and return its state; the work of the job `campaign-mailing`."""
    return campaigns.reconcile(campaign_id, progress)


def deliver(delivery_id: int, timeout: float | None) -> sending.Outcome:
    """Send a delivery if it is still to be sent; the work of the jobs of the queue `email`, stopped after `timeout`."""
    return sending.send(delivery_id, timeout=timeout)


def _booking(booking: Booking | int) -> Booking:
    found = db.session.get(Booking, booking) if isinstance(booking, int) else booking
    if found is None:
        raise InvalidMessage("unknown_booking", id=str(booking))
    return found


def _send(make: Callable[[], Delivery]) -> Delivery:
    """Plan, commit and send without the queue; return the delivery."""
    with outbox.without_enqueueing():
        delivery = make()
        db.session.commit()
    if delivery.state == "queued":
        sending.send(delivery.id)
    db.session.refresh(delivery)
    if delivery.state == "failed":
        raise MailRefused(stored_error(delivery) or "")
    return delivery


def _queue(make: Callable[[], Delivery]) -> MailOutcome:
    delivery = make()
    delivery_id = delivery.id
    db.session.commit()
    db.session.refresh(delivery)
    if delivery.enqueued_at is not None:
        return MailOutcome(delivery_id, job_id=outbox.job_id(delivery_id))
    data = {"deliveryId": delivery_id, "state": delivery.state, "messageId": delivery.message_id}
    return MailOutcome(delivery_id, sync=True, data=data, success=delivery.state != "failed")
