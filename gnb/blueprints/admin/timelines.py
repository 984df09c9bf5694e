"""The history of a job or a booking as a list of moments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext

from gnb.blueprints.shared.describe import label_of
from gnb.blueprints.shared.formatting import aware, duration, elapsed
from gnb.messages.labels import BOOKING_VARIANTS, CUSTOMER_STATUS_LABELS, OUTCOME_LABELS, OUTCOME_VARIANTS
from gnb.models import AuditEntry, Booking


@dataclass(frozen=True)
class Moment:
    """One entry: what happened, when, how long that took, and which worker did it."""

    what: str
    at: datetime | None
    variant: str = ""
    note: str = ""
    worker: str = ""


def timeline(job: Any, attempts: list[Any], entries: Sequence[AuditEntry] = ()) -> list[Moment]:
    """Return the moments of ``job``, oldest first.

    Args:
        attempts: Newest first, as the engine gives them.
        entries: What people have done to the job or to all failed jobs of its queue, newest first.
    """
    moments, before, waits_since = [Moment(gettext("Created"), job.created_at)], job.created_at, job.created_at
    if job.options.get("delay"):
        waits_since = None  # a part of that time it was delayed
    outcome = ""
    for number, attempt in enumerate(reversed(attempts), numbers_before(attempts) + 1):
        if retry := _retry(entries, before, attempt.started_at, outcome):
            moments.append(retry)
            waits_since = retry.at
        if number == numbers_before(attempts) + len(attempts) and _within(before, job.enqueued_at, attempt.started_at):
            waits_since = job.enqueued_at
        moments.append(_attempt(attempt, number, waits_since))
        before, outcome = attempt.ended_at or attempt.started_at, attempt.outcome
        # After a failed attempt it is delayed first, or stands as failed until somebody retries it.
        waits_since = before if outcome in ("stalled", "released") else None
    running = job.state == "active" and not any(attempt.ended_at is None for attempt in attempts)
    if job.state == "waiting" or running:
        if retry := _retry(entries, before, None, outcome):
            moments.append(retry)
        since = job.enqueued_at or before
        if running:
            moments.append(_running(job, numbers_before(attempts) + len(attempts) + 1, since))
        else:
            waited = duration(elapsed(since)) if since else ""
            moments.append(Moment(gettext("Waiting for a worker"), None, note=gettext("for %(time)s", time=waited)))
    if job.state == "deferred":
        moments.append(Moment(gettext("Waiting for other jobs"), None, "later"))
    if job.state == "delayed":
        moments.append(Moment(gettext("Next run"), job.run_at, "later"))
    return moments


def numbers_before(attempts: Sequence[Any]) -> int:
    """Return how many attempts are known to have been before the oldest one kept: a retried job counts from 1 again."""
    return attempts[-1].number - 1 if attempts else 0


def _within(start: datetime | None, moment: datetime | None, end: datetime | None) -> bool:
    return bool(start and moment and end and start <= moment <= end)


_RETRIES = ("job.retry", "job.run-again", "job.promote")


def _retry(entries: Sequence[AuditEntry], start: datetime | None, end: datetime | None, outcome: str) -> Moment | None:
    """Return the moment at which a person requeued or promoted the job in that time, if one did."""
    for entry in entries:
        at = aware(entry.created_at)
        if entry.action not in _RETRIES or (start and at < aware(start)) or (end and at > aware(end)):
            continue
        # An entry about the queue: its failed jobs were retried.
        if "/" not in entry.target and outcome not in ("failed", "stopped"):
            continue
        again = gettext("Run again") if entry.action == "job.run-again" else gettext("Retried")
        return Moment(gettext("Run now") if entry.action == "job.promote" else again, at, note=entry.actor_label)
    return None


def _attempt(attempt: Any, number: int, waits_since: datetime | None) -> Moment:
    if attempt.ended_at is None:
        what = gettext("Attempt %(n)s runs", n=number)
        variant, spent = "info", gettext("running for %(time)s", time=duration(elapsed(attempt.started_at)))
    else:
        outcome = label_of(OUTCOME_LABELS, attempt.outcome)
        what = gettext("Attempt %(n)s: %(outcome)s", n=number, outcome=outcome)
        variant = OUTCOME_VARIANTS.get(attempt.outcome, "")
        spent = gettext("ran %(time)s", time=duration(elapsed(attempt.started_at, attempt.ended_at)))
    note = _joined(_waited(waits_since, attempt.started_at), spent)
    return Moment(what, attempt.started_at, variant, note, attempt.worker)


def _running(job: Any, number: int, waits_since: datetime | None) -> Moment:
    what = gettext("Attempt %(n)s runs", n=number)
    spent = gettext("running for %(time)s", time=duration(elapsed(job.started_at)))
    return Moment(what, job.started_at, "info", _joined(_waited(waits_since, job.started_at), spent), job.worker or "")


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _waited(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None or start > end:
        return ""
    return gettext("waited %(time)s", time=duration(elapsed(start, end)))


def booking_timeline(booking: Booking, entries: list[AuditEntry]) -> list[Moment]:
    """Return what happened to the booking, oldest first; `entries` are its audit entries."""
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
