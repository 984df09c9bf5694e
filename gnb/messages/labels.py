"""Labels of states, types, roles and actions in the reader's language, and the variants of their badges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

JOB_STATE_LABELS = {
    "waiting": _l("waiting"),
    "active": _l("active"),
    "completed": _l("completed"),
    "failed": _l("failed"),
    "delayed": _l("delayed"),
    "deferred": _l("deferred"),
    "removed": _l("removed"),
}
JOB_STATE_VARIANTS = {
    "waiting": "",
    "active": "info",
    "completed": "ok",
    "failed": "bad",
    "delayed": "later",
    "deferred": "later",
}

OUTCOME_LABELS = {
    "completed": _l("completed"),
    "failed": _l("failed"),
    "retried": _l("failed, tried again"),
    "stopped": _l("stopped"),
    "stalled": _l("stalled: its worker was lost"),
    "released": _l("released: its worker was shutting down"),
}
OUTCOME_VARIANTS = {"completed": "ok", "failed": "bad", "retried": "bad", "stopped": "warn", "stalled": "warn"}

QUEUE_DESCRIPTIONS = {
    "export": _l("Files for the office: bookings, users, revenue"),
    "email": _l("Mail to customers and staff"),
    "ai": _l("Recommendations and delay risk"),
    "scheduled": _l("Recurring work: campaigns, prices, reports"),
}

ROLE_LABELS = {
    "user": _l("customer"),
    "driver": _l("driver"),
    "support": _l("support"),
    "manager": _l("manager"),
    "admin": _l("administrator"),
    "superadmin": _l("chief administrator"),
}

WORKER_LABELS = {
    "busy": _l("busy"),
    "idle": _l("idle"),
    "quiet": _l("quiet"),
    "suspended": _l("suspended"),
    "started": _l("starting"),
}
WORKER_VARIANTS = {"busy": "info", "idle": "ok", "quiet": "warn"}
DELIVERY_STATE_LABELS = {
    "queued": _l("queued"),
    "sending": _l("being sent"),
    "sent": _l("sent"),
    "failed": _l("failed"),
    "suppressed": _l("suppressed"),
}
DELIVERY_VARIANTS = {"queued": "", "sending": "info", "sent": "ok", "failed": "bad", "suppressed": "later"}

DELIVERY_KIND_LABELS = {
    "email": _l("message"),
    "booking-confirmation": _l("booking confirmation"),
    "payment-confirmation": _l("payment confirmation"),
    "booking-cancellation": _l("booking cancellation"),
    "campaign-notification": _l("campaign"),
    "password-reset": _l("new password"),
    "weekly-report": _l("weekly report"),
    "registration": _l("registration"),
    "account-exists": _l("account exists already"),
}

BOOKING_LABELS = {
    "pending": _l("pending"),
    "confirmed": _l("confirmed"),
    "paid": _l("paid"),
    "completed": _l("completed"),
    "cancelled": _l("cancelled"),
    "cash": _l("cash"),
    "credit_card": _l("credit card"),
    "stripe": "Stripe",
    "paytr": "PayTR",
}
"""The statuses and payment methods of bookings."""

MAILING_LABELS = {
    "none": _l("not mailed yet"),
    "planning": _l("being planned"),
    "sending": _l("sending"),
    "paused": _l("paused"),
    "sent": _l("sent"),
    "cancelled": _l("cancelled"),
}
MAILING_VARIANTS = {"planning": "info", "sending": "info", "paused": "warn", "sent": "ok", "cancelled": "later"}
CAMPAIGN_LABELS = {
    "draft": _l("draft"),
    "active": _l("activated"),
    "paused": _l("paused"),
    "ended": _l("ended"),
}
CAMPAIGN_VARIANTS = {"draft": "", "active": "ok", "paused": "warn", "ended": "later"}

LANGUAGE_NAMES = {"tr": "Türkçe", "en": "English", "de": "Deutsch", "ru": "Русский", "ar": "العربية", "fr": "Français"}


def booking_label(code: str) -> str:
    """Return the label of a status or payment method of bookings."""
    return str(BOOKING_LABELS.get(code, code))


@dataclass(frozen=True)
class ExportLabel:
    """A kind's title and what is in its file."""

    title: Any
    about: Any


EXPORT_LABELS = {
    "bookings-csv": ExportLabel(_l("Bookings, CSV"), _l("One row per booking: customer, tour, date, amount, status.")),
    "bookings-xlsx": ExportLabel(
        _l("Bookings, Excel"), _l("One row per booking: customer, tour, date, amount, status.")
    ),
    "bookings-pdf": ExportLabel(_l("Bookings, PDF"), _l("Every booking as a printed table.")),
    "revenue-csv": ExportLabel(_l("Revenue, CSV"), _l("One row per day and tour: bookings, revenue, average.")),
    "revenue-xlsx": ExportLabel(_l("Revenue, Excel"), _l("One row per day and tour: bookings, revenue, average.")),
    "revenue-pdf": ExportLabel(_l("Revenue, PDF"), _l("A report with figures, plots and the top ten tours.")),
    "users-csv": ExportLabel(_l("Users, CSV"), _l("One row per account: name, e-mail, role, language.")),
    "users-xlsx": ExportLabel(_l("Users, Excel"), _l("One row per account: name, e-mail, role, language.")),
}

CATEGORY_LABELS = {
    "airport": _l("From the airport"),
    "transfer": _l("To the airport"),
    "vip": _l("VIP transfers"),
    "city": _l("City tours"),
    "tour": _l("Boat and evening tours"),
    "excursion": _l("Day trips"),
    "package": _l("Several days"),
}
"""In the order in which the front page shows them."""

PASSENGER_AGE_LABELS = {"adult": _l("Adult"), "child": _l("Child (2–11)"), "infant": _l("Infant (under 2)")}
PAYMENT_LABELS = {
    "cash": _l("Cash"),
    "credit_card": _l("Credit card"),
    "stripe": _l("Card by Stripe"),
    "paytr": _l("Card by PayTR"),
}
CUSTOMER_STATUS_LABELS = {
    "pending": _l("Waiting for confirmation"),
    "confirmed": _l("Confirmed"),
    "paid": _l("Paid"),
    "completed": _l("Travelled"),
    "cancelled": _l("Cancelled"),
}
CUSTOMER_STATUS_VARIANTS = {"pending": "warn", "confirmed": "ok", "paid": "ok", "completed": "", "cancelled": "bad"}

BOOKING_VARIANTS = {"pending": "warn", "confirmed": "info", "paid": "ok", "completed": "ok", "cancelled": "later"}
PASSENGER_KIND_LABELS = {"adult": _l("adult"), "child": _l("child"), "infant": _l("infant")}
BOOKING_ACTION_LABELS = {
    "confirmed": _l("Confirm"),
    "paid": _l("Mark as paid"),
    "completed": _l("Mark as completed"),
    "cancelled": _l("Cancel booking"),
}
"""What the button says that brings a booking to the status."""

BOOKING_ACTION_QUESTIONS = {
    "confirmed": _l("Confirm booking %(reference)s?"),
    "paid": _l("Mark booking %(reference)s as paid?"),
    "completed": _l("Mark booking %(reference)s as completed?"),
    "cancelled": _l("Cancel booking %(reference)s?"),
}
BOOKING_ACTION_EFFECTS = {
    "confirmed": _l("The customer gets the confirmation by mail, with the pickup as a calendar file."),
    "paid": _l("The customer gets a mail that the payment has arrived."),
    "completed": _l("No mail goes out. A completed booking cannot be changed any more."),
    "cancelled": _l("Its seats are released and the customer is notified by mail. This cannot be undone."),
}

AUDIT_KIND_LABELS = (
    ("job.", _l("jobs")),
    ("queue.", _l("queues")),
    ("worker.", _l("workers")),
    ("export.", _l("exports")),
    ("schedule.", _l("schedules")),
    ("booking.", _l("bookings")),
    ("tour.", _l("tours")),
    ("extra.", _l("extras")),
    ("campaign.", _l("campaigns")),
    ("email.", _l("e-mails")),
    ("alert.", _l("alerts")),
    ("user.", _l("accounts")),
)
AUDIT_ACTION_LABELS = {
    "job.retry": _l("retried"),
    "job.remove": _l("removed"),
    "job.promote": _l("run now"),
    "job.stop": _l("stopped"),
    "job.priority": _l("priority changed"),
    "job.reschedule": _l("rescheduled"),
    "job.enqueue": _l("enqueued"),
    "job.run-again": _l("run again"),
    "worker.quiet": _l("quieted"),
    "worker.resume": _l("resumed"),
    "worker.shut-down": _l("shut down"),
    "queue.pause": _l("paused"),
    "queue.resume": _l("resumed"),
    "queue.clean": _l("cleaned"),
    "queue.drain": _l("drained"),
    "queue.limit": _l("limit changed"),
    "alert.acknowledge": _l("acknowledged"),
    "alert.reopen": _l("shown again"),
    "alert.add-rule": _l("added"),
    "alert.remove-rule": _l("removed"),
    "booking.confirmed": _l("confirmed"),
    "booking.paid": _l("paid"),
    "booking.completed": _l("completed"),
    "booking.cancelled": _l("cancelled"),
    "booking.create": _l("created"),
    "booking.change": _l("changed"),
    "booking.transfer": _l("transfer recorded"),
    "booking.import-trips": _l("past trips imported"),
    "tour.create": _l("created"),
    "tour.change": _l("changed"),
    "extra.create": _l("created"),
    "extra.change": _l("changed"),
    "export.request": _l("requested"),
    "schedule.add": _l("added"),
    "schedule.edit": _l("changed"),
    "schedule.remove": _l("removed"),
    "schedule.pause": _l("paused"),
    "schedule.resume": _l("resumed"),
    "schedule.run": _l("run now"),
    "campaign.create": _l("created"),
    "campaign.change": _l("changed"),
    "campaign.send": _l("mailing started"),
    "campaign.pause": _l("mailing paused"),
    "campaign.resume": _l("mailing resumed"),
    "campaign.cancel": _l("mailing cancelled"),
    "campaign.active": _l("activated"),
    "campaign.paused": _l("prices frozen"),
    "campaign.ended": _l("ended"),
    "email.resend": _l("resent"),
    "user.create": _l("opened"),
    "user.register": _l("opened"),
    "user.set-role": _l("role changed"),
    "user.token": _l("token made"),
    "user.disable": _l("disabled"),
    "user.enable": _l("enabled"),
    "user.sign-out": _l("signed out everywhere"),
    "user.revoke-token": _l("token revoked"),
    "user.export": _l("personal data exported"),
    "user.erase": _l("personal data erased"),
    "user.change-password": _l("password changed"),
    "user.reset-password": _l("password reset"),
}
