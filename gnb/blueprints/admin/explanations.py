"""What a job's state and a queue's limits mean now, in sentences; and the pages of what a job is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import format_datetime, gettext
from flask_babel import lazy_gettext as _l

from gnb.blueprints.shared.formatting import aware, counted, duration, elapsed, number, rate
from gnb.messages import localize_error
from gnb.models import AuditEntry, Delivery, db
from gnb.queueing import Job, QueueOptions, QueueStats, RateLimit, RelatedJob
from gnb.queueing.options import Retention
from gnb.queueing.queue_options import LIMITS
from gnb.services.queues import reading

PERMANENT = ("FinalError", "InvalidJobData", "UnknownJobType", "UnsupportedFeature")


def explain(job: Job, attempts: Sequence[Any], parents: Sequence[RelatedJob], entries: Sequence[AuditEntry]) -> str:
    """Return one sentence or two that say how the job is and what happens next."""
    if job.state == "failed":
        return _failed(job, attempts, entries)
    if job.state == "completed":
        took = elapsed(job.started_at, job.finished_at) if job.started_at else None
        return gettext("Completed at %(time)s in %(took)s.", time=_clock(job.finished_at), took=duration(took))
    if job.state == "active":
        ran = duration(elapsed(job.started_at))
        return gettext("Running for %(time)s on %(worker)s.", time=ran, worker=job.worker or "–")
    if job.state == "waiting":
        return _waiting(job, reading.stats(job.queue))
    if job.state == "delayed":
        return _delayed(job, attempts)
    return _deferred(parents)


def _failed(job: Job, attempts: Sequence[Any], entries: Sequence[AuditEntry]) -> str:
    at, sentence = _clock(job.finished_at), localize_error(job.failed_reason or gettext("no message"))
    name = str(job.failed_reason or "").partition(":")[0]
    if name in PERMANENT:
        what = _open(sentence.partition(": ")[2])
        return gettext("Failed permanently at %(time)s: %(what)s. A retry will not help.", time=at, what=what)
    if name == "JobTimedOut":
        limit = duration(job.timeout)
        return gettext(
            "Timed out at %(time)s: an attempt may take %(limit)s. A retry starts it again.", time=at, limit=limit
        )
    if name == "JobStopped":
        who = next((entry.actor_label for entry in entries if entry.action == "job.stop"), None)
        if who:
            return gettext("Stopped at %(time)s by %(who)s. A retry starts it again.", time=at, who=who)
        return gettext("Stopped at %(time)s. A retry starts it again.", time=at)
    made = counted("%(count)s attempt", "%(count)s attempts", max(job.attempts_made, 1))
    return gettext("Failed at %(time)s after %(attempts)s: %(what)s.", time=at, attempts=made, what=_open(sentence))


def _open(sentence: str) -> str:
    """Return the sentence without its final stop."""
    return sentence.strip().rstrip(".")


def _waiting(job: Job, stats: QueueStats) -> str:
    if stats.paused:
        entry = _newest("queue.pause", job.queue)
        if entry is None:
            return gettext("Waiting: queue %(queue)s is paused.", queue=job.queue)
        return gettext(
            "Waiting: queue %(queue)s was paused at %(time)s by %(who)s.",
            queue=job.queue,
            time=_clock(entry.created_at),
            who=entry.actor.email if entry.actor else entry.actor_label,
        )
    if stats.suspended:
        return gettext("Waiting: rq suspend has stopped all queues. To resume them: rq resume.")
    if not stats.workers:
        return gettext("Waiting for a worker: none serves %(queue)s.", queue=job.queue)
    if stats.quiet >= stats.workers:
        return gettext("Waiting: all workers of %(queue)s are quiet and start no job.", queue=job.queue)
    ahead = reading.queue(job.queue).jobs_ahead(job.id)
    limit = RateLimit.parse(stats.rate_limit)
    # The window that is open now has what is left of the limit; each window after it has the whole.
    if limit and (stats.at_rate_limit or ahead >= limit.count):
        wait = stats.next_start_seconds + ahead // limit.count * limit.window
        at = _clock(datetime.now(UTC) + timedelta(seconds=wait))
        return gettext("Rate limited to %(limit)s, starts at about %(time)s.", limit=rate(stats.rate_limit), time=at)
    if stats.concurrency_limit.isdecimal() and stats.active >= int(stats.concurrency_limit):
        return gettext(
            "Waiting: %(queue)s has reached its concurrency limit of %(limit)s; jobs ahead: %(count)s.",
            queue=job.queue,
            limit=stats.concurrency_limit,
            count=number(ahead),
        )
    if ahead:
        return counted(
            "Waiting for a free worker: %(count)s job is ahead of it.",
            "Waiting for a free worker: %(count)s jobs are ahead of it.",
            ahead,
        )
    return gettext("Waiting for a free worker: it is the next to start.")


def _delayed(job: Job, attempts: Sequence[Any]) -> str:
    at = _clock(job.run_at)
    if job.held:
        return gettext("Delayed until %(time)s by the rate limit of its key, such as its recipient.", time=at)
    if attempts and attempts[0].outcome == "retried":
        return gettext("The last attempt failed. The next one starts at %(time)s.", time=at)
    return gettext("Delayed until %(time)s.", time=at)


def _deferred(parents: Sequence[RelatedJob]) -> str:
    states = {parent.state for parent in parents}
    if "removed" in states:
        return gettext("A job that this one waits for was removed. Run this one without waiting, or remove it.")
    if "failed" in states:
        return gettext("A job that this one waits for failed. This one runs once that was retried and has completed.")
    left = sum(parent.state != "completed" for parent in parents)
    return counted("Deferred until %(count)s job has completed.", "Deferred until %(count)s jobs have completed.", left)


def _clock(moment: datetime | None) -> str:
    """Return the time of day, with the date if it is not today's."""
    if moment is None:
        return "–"
    today = format_datetime(datetime.now(UTC), "yMMdd") == format_datetime(aware(moment), "yMMdd")
    return str(format_datetime(aware(moment), "HH:mm" if today else "d MMM y, HH:mm"))


def _newest(action: str, target: str) -> AuditEntry | None:
    query = sa.select(AuditEntry).where(AuditEntry.action == action, AuditEntry.target == target)
    return db.session.scalar(query.order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc()).limit(1))


def entries_about(queue: str, job_id: str) -> list[AuditEntry]:
    """Return what people have done to the job, and the retries of the whole queue, newest first."""
    whole = sa.and_(AuditEntry.target == queue, AuditEntry.action == "job.retry")
    query = sa.select(AuditEntry).where(sa.or_(AuditEntry.target == f"{queue}/{job_id}", whole))
    return list(db.session.scalars(query.order_by(AuditEntry.created_at.desc()).limit(50)))


def job_gone_reasons(queue_name: str, job_id: str) -> list[str]:
    """Return why the queue has no such job, as far as that is known."""
    if entry := _newest("job.remove", f"{queue_name}/{job_id}"):
        return [gettext("It was removed at %(time)s by %(who)s.", time=_clock(entry.created_at), who=entry.actor_label)]
    stats, found = reading.stats(queue_name), []
    for state, kept in (("completed", stats.remove_on_complete), ("failed", stats.remove_on_fail)):
        total = getattr(stats, state)
        if 0 < kept.keep <= total * 1.01:  # finish.lua removes 1 % more than needed in one step
            found.append(str(_LIMITED[state]) % {"limit": number(kept.keep), "total": number(total)})
        elif kept.ttl > 0:
            found.append(str(_AGED[state]) % {"age": duration(kept.ttl)})
    return found


_LIMITED = {
    "completed": _l(
        "Completed jobs are removed by the limit of %(limit)s: the queue has %(total)s, and the oldest go first."
    ),
    "failed": _l(
        "Failed jobs are removed by the limit of %(limit)s: the queue has %(total)s, and the oldest go first."
    ),
}
_AGED = {
    "completed": _l("Completed jobs are kept for %(age)s."),
    "failed": _l("Failed jobs are kept for %(age)s."),
}


@dataclass(frozen=True)
class Link:
    """A page that belongs to a job."""

    label: str
    url: str


def delivery_of(job: Job) -> Delivery | None:
    """Return the delivery that the job sends or has sent."""
    result = job.return_value if isinstance(job.return_value, dict) else {}
    found = job.data.get("deliveryId") or result.get("deliveryId")
    return db.session.get(Delivery, found) if isinstance(found, int) and 0 < found < 2**63 else None


def links(job: Job, delivery: Delivery | None) -> list[Link]:
    """Return the pages of what the job is about: its delivery, booking, campaign, export, insight, schedule."""
    found = []
    if delivery:
        label = gettext("E-mail %(id)s", id=delivery.id)
        found.append(Link(label, url_for("admin.email", delivery_id=delivery.id)))
    if booking := _number(job, "booking") or (delivery and delivery.booking_id):
        found.append(Link(gettext("Booking %(id)s", id=booking), url_for("admin.booking", booking_id=booking)))
    if campaign := _number(job, "campaign") or (delivery and delivery.campaign_id):
        found.append(Link(gettext("Campaign %(id)s", id=campaign), url_for("admin.campaign", campaign_id=campaign)))
    if isinstance(export := job.data.get("exportId"), str):
        found.append(Link(gettext("Export"), url_for("admin.exports", _anchor=f"export-{export}")))
    if job.queue == "ai":
        found.append(Link(gettext("Insight"), url_for("admin.insight", job_id=job.id)))
    if schedule := reading.schedule_of(job.id):
        found.append(Link(gettext("Schedule %(name)s", name=schedule), url_for("admin.schedule", name=schedule)))
    return found


def _number(job: Job, name: str) -> int | None:
    """Return the id that the data gives as `bookingId` or as `booking` with an `id`."""
    inner = job.data.get(name)
    found = job.data.get(f"{name}Id") or (inner.get("id") if isinstance(inner, dict) else None)
    return found if isinstance(found, int) and 0 < found < 2**31 else None


@dataclass(frozen=True)
class Setting:
    """A limit or retention of a queue: its value, what it means now, and the configured value if it is another."""

    name: str
    label: str
    value: str
    meaning: str
    hint: str
    configured: str | None
    error: str = ""


def queue_settings(stats: QueueStats, options: QueueOptions, wrong: Mapping[str, tuple[str, str]]) -> list[Setting]:
    """Return the settings of a queue; `wrong`: what was typed for one that was rejected, and why, by its name."""
    rate_hint = gettext("Starts in any window, such as 50/60s, or none.")
    kept_hint = gettext("The longest time and the most jobs, such as 24h/1000; either may be none.")
    rows = [
        (gettext("Rate limit"), options.limits[0], _rate_meaning(stats), rate_hint),
        (
            gettext("Concurrency limit"),
            options.limits[1],
            _concurrency_meaning(stats),
            gettext("The most active jobs over all workers, such as 2, or none."),
        ),
        (
            gettext("Retention of completed jobs"),
            options.job.remove_on_complete,
            _retention_meaning(stats.remove_on_complete, stats.completed),
            kept_hint,
        ),
        (
            gettext("Retention of failed jobs"),
            options.job.remove_on_fail,
            _retention_meaning(stats.remove_on_fail, stats.failed),
            kept_hint,
        ),
    ]
    found = []
    for name, (label, configured, meaning, hint) in zip(LIMITS, rows, strict=True):
        value, error = wrong.get(name, (str(getattr(stats, name)), ""))
        set_here = str(configured) if name in stats.set_at_run_time else None
        found.append(Setting(name, label, value, meaning, hint, set_here, error))
    return found


def _rate_meaning(stats: QueueStats) -> str:
    limit = RateLimit.parse(stats.rate_limit)
    if limit is None:
        return gettext("No limit: a job starts as soon as a worker is free.")
    words = rate(stats.rate_limit)
    seconds = stats.next_start_seconds + stats.waiting // limit.count * limit.window
    if not stats.waiting or not seconds:
        return gettext("%(limit)s; no job waits for it.", limit=words)
    return counted(
        "%(limit)s; %(count)s waiting job takes about %(time)s.",
        "%(limit)s; %(count)s waiting jobs take about %(time)s.",
        stats.waiting,
        limit=words,
        time=duration(seconds),
    )


def _concurrency_meaning(stats: QueueStats) -> str:
    limit, workers = stats.concurrency_limit, stats.workers
    if limit == "none":
        return counted("No limit: %(count)s worker, a job each.", "No limit: %(count)s workers, a job each.", workers)
    return counted(
        "At most %(limit)s jobs run at once; the queue has %(count)s worker.",
        "At most %(limit)s jobs run at once; the queue has %(count)s workers.",
        workers,
        limit=number(int(limit)),
    )


def _retention_meaning(kept: Retention, total: int) -> str:
    if 0 in (kept.ttl, kept.keep):
        return gettext("Removed as soon as they end; %(count)s kept from before.", count=number(total))
    words = {"age": duration(kept.age), "most": number(kept.count), "count": number(total)}
    if kept.age is None and kept.count is None:
        return gettext("Kept for ever; %(count)s now.", **words)
    if kept.age is None:
        return gettext("No age limit, %(most)s at most; %(count)s now.", **words)
    if kept.count is None:
        return gettext("Kept for %(age)s; %(count)s now.", **words)
    return gettext("Kept for %(age)s, %(most)s at most; %(count)s now.", **words)
