"""The history of a job or a booking as a list of moments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext

from gnb.blueprints.shared.describe import label_of
from gnb.blueprints.shared.formatting import duration, elapsed
from gnb.blueprints.shared.labels import BOOKING_VARIANTS, CUSTOMER_STATUS_LABELS, OUTCOME_LABELS, OUTCOME_VARIANTS
from gnb.models import AuditEntry, Booking


@dataclass(frozen=True)
class Moment:
    """One entry: what happened, when, how long that took, and which worker did it."""

    what: str
    at: datetime | None
    variant: str = ""
    note: str = ""
    worker: str = ""


def timeline(job: Any, attempts: list[Any]) -> list[Moment]:
    """Return the moments of ``job``, oldest first; ``attempts`` come newest first, as the engine gives them."""
    moments = [Moment(gettext("Created"), job.created_at)]
    before = job.created_at
    for attempt in reversed(attempts):
        moments.append(_attempt(attempt, before))
        before = attempt.ended_at or attempt.started_at
    if job.state == "active" and not any(attempt.ended_at is None for attempt in attempts):
        moments.append(_running(job, before))
    if job.state == "waiting":
        waited = duration(elapsed(before)) if before else ""
        moments.append(Moment(gettext("Waiting for a worker"), None, note=gettext("for %(time)s", time=waited)))
    if job.state == "deferred":
        moments.append(Moment(gettext("Waiting for other jobs"), None, "later"))
    if job.state == "delayed":
        moments.append(Moment(gettext("Next run"), job.run_at, "later"))
    return moments


def _attempt(attempt: Any, before: datetime | None) -> Moment:
    if attempt.ended_at is None:
        what = gettext("Attempt %(n)s runs", n=attempt.number)
        variant, spent = "info", gettext("running for %(time)s", time=duration(elapsed(attempt.started_at)))
    else:
        outcome = label_of(OUTCOME_LABELS, attempt.outcome)
        what = gettext("Attempt %(n)s: %(outcome)s", n=attempt.number, outcome=outcome)
        variant = OUTCOME_VARIANTS.get(attempt.outcome, "")
        spent = gettext("ran %(time)s", time=duration(elapsed(attempt.started_at, attempt.ended_at)))
    return Moment(
        what, attempt.started_at, variant, _joined(_waited(before, attempt.started_at), spent), attempt.worker
    )


def _running(job: Any, before: datetime | None) -> Moment:
    what = gettext("Attempt %(n)s runs", n=job.attempts_made)
    spent = gettext("running for %(time)s", time=duration(elapsed(job.started_at)))
    return Moment(what, job.started_at, "info", _joined(_waited(before, job.started_at), spent), job.worker or "")


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _waited(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    return gettext("waited %(time)s", time=duration(elapsed(start, end)))


def booking_timeline(booking: Booking, entries: list[AuditEntry]) -> list[Moment]:
    """What happened to the booking, oldest first; `entries` are the audit's about it."""
    moments = [Moment(gettext("Booked"), booking.created_at)]
    written = set()
    for entry in entries:
        status = str(entry.details.get("to", ""))
        if status in BOOKING_VARIANTS:
            written.add(status)
            moments.append(
                Moment(
                    str(CUSTOMER_STATUS_LABELS[status]),
                    entry.created_at,
                    BOOKING_VARIANTS[status],
                    note=entry.actor_label,
                )
            )
    for status, moment in (("paid", booking.paid_at), ("cancelled", booking.cancelled_at)):
        if moment and status not in written:
            moments.append(Moment(str(CUSTOMER_STATUS_LABELS[status]), moment, BOOKING_VARIANTS[status]))
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
