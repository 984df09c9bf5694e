"""Reading jobs, queues, workers and schedules, for the API, the pages and the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from gnb.extensions import db, engine
from gnb.models import STAFF_ROLES, Booking, Delivery, normalize_email
from gnb.queueing import HistoryPoint, Job, JobContext, JobType, QueueStats, ScheduleState, WorkerInfo, clock
from gnb.queueing.errors import JobNotFound, ScheduleNotFound
from gnb.queueing.queue_reader import QueueReader
from gnb.queueing.search import JobFilter
from gnb.services.queues.masking import MaskedReader, mask_schedule, masks

RQ_RESUME = "rq resume -c gnb.rq_settings"
"""The command that ends what `rq suspend` has begun."""


def queue(name: str) -> QueueReader:
    """Return the reading half of a queue; changes go through `actions`. Raises UnknownQueue.

    It masks personal data for those who may change nothing.
    """
    found, types = engine().queue(name), engine().job_types
    return MaskedReader(found.broker, found.name, found.options, types) if masks() else found


def previous_outcome(context: JobContext) -> str | None:
    """Return how the job's run before this one ended; None for its first, also of a new job with a used id."""
    attempts = engine().queue(context.queue).attempts(context.id) if context.id else []
    return attempts[0].outcome if attempts else None


def created_ms(context: JobContext) -> int:
    """Return when the job was created, epoch ms; 0 if it has been removed since it started."""
    try:
        created = engine().queue(context.queue).job(context.id).created_at
    except JobNotFound:
        return 0
    return int(created.timestamp() * 1000) if created else 0


_reader = queue


def queue_names() -> list[str]:
    """Return the names of the queues, in the order of the configuration."""
    return [each.name for each in engine().queues]


def job_types(queue: str) -> dict[str, JobType]:
    """Return the job types that the queue declares, by name."""
    return engine().types(queue)


def all_stats() -> list[QueueStats]:
    """Return the counts of every queue, in one round trip."""
    return engine().stats()


def stats(queue: str) -> QueueStats:
    """Return the counts of one queue. Raises UnknownQueue."""
    name = engine().queue(queue).name
    return next(stats for stats in engine().stats() if stats.name == name)


def histories() -> Mapping[str, Sequence[HistoryPoint]]:
    """Return the last hour of every queue, minute by minute."""
    return engine().histories()


def workers() -> list[WorkerInfo]:
    """Return every registered worker."""
    return engine().workers()


def code_version() -> str:
    """Return the version of the code that this process runs, as a worker registers its own."""
    return engine().version


class ScheduleReader(Protocol):
    """The reading half of the schedules; changes go through `recurring`."""

    def list(self) -> Sequence[ScheduleState]: ...

    def get(self, name: str) -> ScheduleState: ...

    def leader(self) -> str | None: ...


def schedules() -> ScheduleReader:
    """Return the reading half of the schedules."""
    return _MaskedSchedules() if masks() else engine().schedules


class _MaskedSchedules:
    def list(self) -> Sequence[ScheduleState]:
        return [mask_schedule(state, engine().job_types) for state in engine().schedules.list()]

    def get(self, name: str) -> ScheduleState:
        return mask_schedule(engine().schedules.get(name), engine().job_types)

    def leader(self) -> str | None:
        return engine().schedules.leader()


_MOST_DELIVERIES = 500
_REFERENCE = re.compile(r"[A-Za-z0-9-]{6,16}")
_TEMPLATE = re.compile(r"schedule-(.+)")
_FIRING = re.compile(r"(.+)-\d{8}T\d{6}Z")


def schedule_of(job_id: str) -> str | None:
    """Return the name of the schedule that enqueued the job, or whose template it is; None if it is gone."""
    found = _FIRING.fullmatch(job_id) or _TEMPLATE.fullmatch(job_id)
    try:
        return engine().schedules.get(found[1]).name if found else None
    except ScheduleNotFound:
        return None


def find_job(job_id: str) -> Job | None:
    """Return the job with this id, whatever its queue."""
    for each in engine().queues:
        try:
            return each.job(job_id)
        except JobNotFound:
            continue
    return None


def page(queue: str, state: str, start: int, end: int, text: str = "", cursor: int = 0) -> dict[str, Any]:
    """Return the jobs at positions [start, end) of a state, as JobPageSchema dumps them.

    With a text, return up to `end - start` jobs that contain it, searching from `cursor` on.

    Raises:
        UnknownQueue: There is no such queue.
        InvalidJobOption: There is no such state, or the range is invalid.
    """
    reader = _reader(queue)
    if text and end > start:
        found = reader.search(state, text, cursor=cursor, limit=end - start)
    else:
        found = reader.jobs(state, start, end)
    jobs = reader.with_return_values(found.jobs)
    return {
        "queue": reader.name,
        "state": state,
        "jobs": jobs,
        "count": len(jobs),
        "total": found.total,
        "cursor": found.cursor,
    }


def count_ended(queue: str, state: str, older_than: timedelta) -> int:
    """Count the jobs that `actions.clean` would remove."""
    latest = engine().broker.now() - older_than
    moments = (clock.parse(ended) for _, (ended,) in engine().queue(queue).scan(state, ("ended_at",)))
    return sum(moment is not None and moment <= latest for moment in moments)


def job_filter(text: str, role: str, **others: Any) -> JobFilter:
    """Return the filter for a text that people type: also a booking's reference, or an address of a recipient.

    A job of a mail has no address in its data: it is found by its delivery. Guests' addresses are for staff alone.
    """
    numbers: dict[str, frozenset[int]] = {}
    deliveries = sa.select(Delivery.id).order_by(Delivery.id.desc()).limit(_MOST_DELIVERIES)
    if "@" in text and text.isprintable() and role in STAFF_ROLES:
        found = db.session.scalars(deliveries.where(Delivery.recipient == normalize_email(text)))
        numbers["deliveryId"] = frozenset(found)
    elif _REFERENCE.fullmatch(text):
        booking = db.session.scalar(sa.select(Booking.id).where(Booking.reference == text.upper()))
        if booking is not None:
            # The second is a `booking` with an `id` in compact JSON.
            numbers["bookingId"] = numbers['booking":{"id'] = frozenset({booking})
            numbers["deliveryId"] = frozenset(db.session.scalars(deliveries.where(Delivery.booking_id == booking)))
    return JobFilter(text, numbers, **others)


def details(queue: str, job_id: str) -> dict[str, Any]:
    """Return a job with its attempts, logs, options, parents and dependents, as JobDetailsSchema dumps it.

    Raises UnknownQueue, JobNotFound.
    """
    reader = _reader(queue)
    job, attempts = reader.job_and_attempts(job_id)
    known = {field.name: getattr(job, field.name) for field in fields(job)}
    parents, dependents = reader.relatives(job_id)
    return {
        **known,
        "opts": _effective_options(job),
        "logs": reader.logs(job_id),
        "attempts": attempts,
        "parents": parents,
        "dependents": dependents,
    }


def _effective_options(job: Job) -> dict[str, Any]:
    """Return the options that the job was enqueued with, over its type's defaults."""
    defaults = {"attempts": job.attempts_limit, "timeout": job.timeout}
    return {**defaults, **job.options, "priority": job.priority}
