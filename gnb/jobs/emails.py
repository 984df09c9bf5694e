"""The jobs of the queue `email`, each of which sends one message, and the mail jobs of the queue `scheduled`.

Data: `{"deliveryId": 4711, "recipient": "5c1f…"}`, the row of the ledger to send and a digest of the address, by which
messages to one mailbox are limited, and no personal data. Where a message has no row yet, its
subject may be given instead, and the job creates the row: `to`, `subject`, `html`, `text` for `send-email`, `bookingId`
(or `booking`, with an `id`) for the confirmations, `userId` and `campaignId` for a campaign's message, `exportId` for
the notification of an export. Result:
`{"deliveryId", "state", "messageId"}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, ValidationError, fields, validate, validates_schema
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.jobs.scheduled import NoData
from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import LARGEST_BIGINT, LARGEST_INT, WholeNumber
from gnb.models import Booking, Campaign, Delivery, User
from gnb.queueing import FinalError, JobContext, JobOutcome, RateLimit, RetryLater, job
from gnb.services import email_service, export_service
from gnb.services.exports import ExportNotFound
from gnb.services.mail import AlreadyBeingSent, InvalidMessage, MailRefused, ledger, outbox, sending
from gnb.services.mail.addresses import checked_address, checked_subject
from gnb.services.mail.notices import plan_export_notification, send_failure_notice
from gnb.services.queue_service import job_progress
from gnb.services.queues import reading

_MINUTE = 60
_PER_RECIPIENT = RateLimit("5/60s", key="recipient")
"""Nobody can have a mailbox flooded, such as by bookings in another's name; EMAIL_RECIPIENT_RATE_LIMIT replaces it."""


class _Referred(LocalizedSchema):
    """An object with an id; other fields are ignored."""

    class Meta:
        unknown = EXCLUDE

    id = WholeNumber(1, LARGEST_BIGINT, required=True)


class _Ignored(LocalizedSchema):
    """An object of which nothing is used."""

    class Meta:
        unknown = EXCLUDE


class _ReferredAccount(_Referred):
    """An account or a campaign with an id."""

    id = WholeNumber(1, LARGEST_INT, required=True)


class _DeliveryData(LocalizedSchema):
    """The id of a delivery, or all fields of one of `instead`."""

    instead: tuple[tuple[str, ...], ...] = ()

    delivery_id = WholeNumber(1, LARGEST_BIGINT, data_key="deliveryId")

    recipient = fields.String(validate=validate.Length(1, 64), metadata={"hidden": True, "personal": True})
    """`outbox.mailbox_digest` of the address; the key of the rate limit."""

    @validates_schema
    def _one_or_the_other(self, data: dict[str, Any], **_: Any) -> None:
        given = [all(name in data for name in names) for names in (("delivery_id",), *self.instead)]
        if sum(given) != 1:
            wanted = " or ".join(" with ".join(self.fields[n].data_key or n for n in names) for names in self.instead)
            raise ValidationError(make_message("invalid_field.delivery", instead=wanted), "deliveryId")


def _checked_by(check: Callable[[object], str]) -> Callable[[str], None]:
    """Return a validator that rejects what the mail services reject."""

    def validate_text(text: str) -> None:
        try:
            check(text)
        except InvalidMessage as error:
            raise ValidationError(error.message) from None

    return validate_text


class _Address(fields.Email):
    """An address that the mail services take; marshmallow's own check takes others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators = [_checked_by(checked_address)]


class SendEmailData(_DeliveryData):
    """Data of `send-email`."""

    to = _Address(metadata={"personal": True})
    subject = fields.String(validate=_checked_by(checked_subject), metadata={"personal": True})
    html = fields.String(validate=validate.Length(1, ledger.LONGEST_TEXT), metadata={"personal": True})
    text = fields.String(validate=validate.Length(1, ledger.LONGEST_TEXT), metadata={"personal": True})

    @validates_schema
    def _one_or_the_other(self, data: dict[str, Any], **_: Any) -> None:
        own = {name for name in ("to", "subject", "html", "text") if name in data}
        whole = {"to", "subject"} <= own and own & {"html", "text"}
        if ("delivery_id" in data) == bool(own) or (own and not whole):
            raise ValidationError(
                make_message("invalid_field.delivery", instead="to and subject with html or text"), "deliveryId"
            )


class BookingMailData(_DeliveryData):
    """Data of `booking-confirmation` and `payment-confirmation`."""

    instead = (("booking_id",), ("booking",))

    booking_id = WholeNumber(1, LARGEST_BIGINT, data_key="bookingId")
    booking = fields.Nested(_Referred, metadata={"hidden": True})
    user = fields.Nested(_Ignored, metadata={"hidden": True})
    """Accepted and ignored: the recipient is the booking's customer."""


class CampaignMailData(_DeliveryData):
    """Data of `campaign-notification`."""

    instead = (("user_id", "campaign_id"), ("user", "campaign"))

    user_id = WholeNumber(1, LARGEST_INT, data_key="userId")
    campaign_id = WholeNumber(1, LARGEST_INT, data_key="campaignId")
    user = fields.Nested(_ReferredAccount, metadata={"hidden": True})
    campaign = fields.Nested(_ReferredAccount, metadata={"hidden": True})


class ExportMailData(LocalizedSchema):
    """Data of `export-notification`."""

    export_id = fields.String(data_key="exportId", required=True, validate=validate.Length(1, 36))


class MailingData(LocalizedSchema):
    """Data of `campaign-mailing`."""

    campaign_id = WholeNumber(1, LARGEST_INT, data_key="campaignId", required=True)


@job("email", "send-email", SendEmailData, rate_limit=_PER_RECIPIENT, description=_l("Sends a message."))
def send_email(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send a message."""
    return _deliver(data.get("delivery_id") or _own_row(data, context), context)


@job(
    "email",
    "booking-confirmation",
    BookingMailData,
    rate_limit=_PER_RECIPIENT,
    description=_l("Sends the confirmation of a booking."),
)
def booking_confirmation(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send the confirmation of a booking."""
    return _deliver(data.get("delivery_id") or _booking_row("booking-confirmation", data), context)


@job(
    "email",
    "payment-confirmation",
    BookingMailData,
    rate_limit=_PER_RECIPIENT,
    description=_l("Sends the confirmation of a payment."),
)
def payment_confirmation(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send the confirmation of a payment."""
    return _deliver(data.get("delivery_id") or _booking_row("payment-confirmation", data), context)


@job(
    "email",
    "campaign-notification",
    CampaignMailData,
    rate_limit=_PER_RECIPIENT,
    description=_l("Sends a campaign's message to one account."),
)
def campaign_notification(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send a campaign's message to one account."""
    return _deliver(data.get("delivery_id") or _campaign_row(data), context)


@job(
    "email",
    "export-notification",
    ExportMailData,
    description=_l("Sends the notice that an export is ready or failed."),
)
def export_notification(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Send the notice that an export is ready or failed."""
    return _deliver(_export_row(data["export_id"]), context)


@job("email", "job-failure-notice", JobOutcome, description=_l("Notifies the admins of a failed job."))
def job_failure_notice(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Notify the admins of a failed job."""
    failed = (data["job_id"], data["queue"], data["job_type"], data["error"])
    return {"planned": send_failure_notice(context.id, *failed)}


@job("scheduled", "campaign-mailing", MailingData, timeout=60 * _MINUTE, description=_l("Plans a campaign's mailing."))
def campaign_mailing(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Plan a campaign's mailing."""
    progress = job_progress(context, "progress.planned")
    return {"state": email_service.reconcile_mailing(data["campaign_id"], progress)}


@job("scheduled", "requeue-stale-deliveries", NoData, description=_l("Requeues stale deliveries."))
def requeue_stale_deliveries(_data: dict[str, Any], _context: JobContext) -> dict[str, Any]:
    """Requeue stale deliveries."""
    return {"enqueued": email_service.requeue_stale_deliveries()}


def _deliver(delivery_id: int, context: JobContext) -> dict[str, Any]:
    outcome = _outcome(delivery_id, context)
    if outcome.state == "finished" and reading.previous_outcome(context) == "completed":
        # A person runs a completed job again, to have the message sent again.
        again = db.session.get_one(Delivery, delivery_id)
        delivery_id = _committed(lambda: ledger.plan_again(again))
        outcome = _outcome(delivery_id, context)
    return {"deliveryId": delivery_id, "state": outcome.state, "messageId": outcome.message_id}


def _outcome(delivery_id: int, context: JobContext) -> sending.Outcome:
    try:
        return email_service.deliver(delivery_id, context.timeout)
    except MailRefused as error:
        raise FinalError(error) from error
    except AlreadyBeingSent as error:
        raise RetryLater(error, delay=max(error.seconds, 1.0), spend_attempt=False) from error


def _own_row(data: dict[str, Any], context: JobContext) -> int:
    """Return the row of a job that was added with a message; every run of the job uses the same.

    Its key has the job's creation: a new job with the id of one that is gone gets a row of its own, and a job that runs
    again since its broker has lost the outcome does not.
    """
    key = None
    if context.id:
        made = f"{context.id}:{reading.created_ms(context)}"
        key = f"job:{hashlib.sha256(made.encode()).hexdigest()}"
        if known := db.session.query(Delivery).filter_by(unique_key=key).one_or_none():
            return known.id
    texts = {name: data.get(name) for name in ("html", "text")}
    return _committed(lambda: ledger.plan_text(data["to"], data["subject"], **texts, unique_key=key))


def _booking_row(kind: str, data: dict[str, Any]) -> int:
    booking_id = data.get("booking_id") or data["booking"]["id"]
    booking = db.session.get(Booking, booking_id)
    if booking is None:
        raise FinalError(make_message("invalid_message.unknown_booking", id=str(booking_id)))
    return _committed(lambda: ledger.plan_booking(kind, booking))


def _campaign_row(data: dict[str, Any]) -> int:
    user = db.session.get(User, data.get("user_id") or data["user"]["id"])
    campaign = db.session.get(Campaign, data.get("campaign_id") or data["campaign"]["id"])
    if user is None or campaign is None:
        raise FinalError(make_message("invalid_message.no_recipient"))
    return _committed(lambda: email_service.plan_campaign_notification(user, campaign))


def _export_row(export_id: str) -> int:
    try:
        export = export_service.get(export_id)
        return _committed(lambda: plan_export_notification(export))
    except ExportNotFound as error:
        raise FinalError(str(error)) from error


def _committed(plan: Any) -> int:
    """Plan a delivery for this job, without a job of its own, commit, and return its id."""
    try:
        with outbox.without_enqueueing():
            try:
                delivery_id: int = plan().id
                db.session.commit()
            except IntegrityError:  # another job has planned the same at the same time: its row is found now
                db.session.rollback()
                delivery_id = plan().id
                db.session.commit()
    except InvalidMessage as error:
        raise FinalError(error) from error
    return delivery_id
