"""A booking's statuses in words and tones, and its life as a list of moments."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from gnb.blueprints.admin.presenters.timeline import Moment
from gnb.blueprints.site.words import STATUS_WORDS
from gnb.models import AuditEntry, Booking

TONES = {"pending": "warn", "confirmed": "info", "paid": "ok", "completed": "ok", "cancelled": "later"}
KINDS = {"adult": _l("adult"), "child": _l("child"), "infant": _l("infant")}
MOVES = {
    "confirmed": _l("Confirm"),
    "paid": _l("Mark as paid"),
    "completed": _l("Mark as completed"),
    "cancelled": _l("Cancel it"),
}
"""What the button says that brings a booking to the status."""

QUESTIONS = {
    "confirmed": _l("Confirm booking %(reference)s?"),
    "paid": _l("Mark booking %(reference)s as paid?"),
    "completed": _l("Mark booking %(reference)s as completed?"),
    "cancelled": _l("Cancel booking %(reference)s?"),
}
FOLLOWS = {
    "confirmed": _l("The customer gets the confirmation by mail, with the pickup as a calendar file."),
    "paid": _l("The customer gets a mail that the payment has arrived."),
    "completed": _l("No mail goes out. A completed booking cannot be changed any more."),
    "cancelled": _l("Its seats are sold again and the customer is told by mail. This cannot be undone."),
}


def life(booking: Booking, entries: list[AuditEntry]) -> list[Moment]:
    """What happened to the booking, oldest first; `entries` are the audit's about it."""
    moments = [Moment(gettext("Booked"), booking.created_at)]
    written = set()
    for entry in entries:
        status = str(entry.details.get("to", ""))
        if status in TONES:
            written.add(status)
            moments.append(Moment(str(STATUS_WORDS[status]), entry.created_at, TONES[status], note=entry.actor_label))
    for status, moment in (("paid", booking.paid_at), ("cancelled", booking.cancelled_at)):
        if moment and status not in written:
            moments.append(Moment(str(STATUS_WORDS[status]), moment, TONES[status]))
    if booking.status != "cancelled":
        moments += _ride(booking)
    return sorted(moments, key=lambda moment: moment.at or booking.created_at)


def _ride(booking: Booking) -> list[Moment]:
    moments = [Moment(gettext("Pickup"), booking.pickup_at, note=gettext("as booked"))]
    if booking.actual_pickup_at:
        moments.append(Moment(gettext("Picked up"), booking.actual_pickup_at, "ok"))
    if booking.actual_arrival_at:
        late = round(
            (booking.actual_arrival_at - (booking.arrival_at or booking.actual_arrival_at)).total_seconds() / 60
        )
        note = gettext("%(minutes)s min late", minutes=late) if late > 0 else gettext("on time")
        moments.append(Moment(gettext("Arrived"), booking.actual_arrival_at, "ok", note=note))
    return moments
