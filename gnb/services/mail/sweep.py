"""Requeues stale deliveries: rows whose job was never added, was lost, or has used its attempts.

Runs every minute as the job `requeue-stale-deliveries`, handles a limited number of rows at a time, and may run twice
at once: a row has one job by its id, and is claimed by one sender.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Campaign, Delivery, execute_count, now
from gnb.services.mail import campaigns, outbox
from gnb.services.mail.outbox import Planned

STALE_AFTER = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=2)
_LIMIT = 1000
_LOST_AFTER = timedelta(minutes=10)
_RETRY_AFTER = (timedelta(minutes=5), timedelta(hours=1))
"""Time from a job that used all its attempts to the next job: for the first two jobs, and for later ones."""
_EARLY_ATTEMPTS = 10


def requeue_stale_deliveries(at: datetime | None = None) -> int:
    """Enqueue stale deliveries and return how many. Raises QueueUnavailable while the broker is unreachable."""
    moment = at or now()
    _fail_deferred(moment)
    _release_abandoned(moment)
    campaigns.close_finished()
    campaigns.restart_planning(moment - STALE_AFTER)
    enqueued = _enqueue(_never_enqueued(moment)) + _enqueue(_out_of_attempts(moment))
    return enqueued + _confirm(_perhaps_lost(moment), moment)


def _queued(*conditions: sa.ColumnElement[bool]) -> sa.Select[int, str, int, str]:
    at_rest = sa.select(Campaign.id).where(Campaign.mailing_state.in_(("planning", "paused", "cancelled")))
    query: sa.Select[int, str, int, str] = (
        sa.select(Delivery.id, Delivery.kind, Delivery.priority, Delivery.recipient)
        .where(Delivery.state == "queued", *conditions)
        .where(sa.or_(Delivery.campaign_id.is_(None), Delivery.campaign_id.not_in(at_rest)))
        .limit(_LIMIT)
    )
    return query


def _never_enqueued(moment: datetime) -> sa.Select[int, str, int, str]:
    return _queued(Delivery.enqueued_at.is_(None), Delivery.created_at <= moment - STALE_AFTER).order_by(
        Delivery.priority, Delivery.id
    )


def _out_of_attempts(moment: datetime) -> sa.Select[int, str, int, str]:
    soon, later = _RETRY_AFTER
    early = Delivery.attempts <= _EARLY_ATTEMPTS
    due = sa.or_(
        sa.and_(early, Delivery.enqueued_at <= moment - soon), sa.and_(~early, Delivery.enqueued_at <= moment - later)
    )
    return _queued(Delivery.attempts > 0, due).order_by(Delivery.enqueued_at)


def _perhaps_lost(moment: datetime) -> sa.Select[int, str, int, str]:
    before = moment - _LOST_AFTER
    unchecked = sa.or_(Delivery.checked_at.is_(None), Delivery.checked_at <= before)
    return _queued(Delivery.attempts == 0, Delivery.enqueued_at <= before, unchecked).order_by(Delivery.enqueued_at)


def _enqueue(query: sa.Select[int, str, int, str]) -> int:
    """Add a new job for each row."""
    planned = _read(query)
    if planned:
        outbox.enqueue_again(planned)
        _mark(planned)
    return len(planned)


def _confirm(query: sa.Select[int, str, int, str], moment: datetime) -> int:
    """Add new jobs for the rows whose job has ended or was lost; the others keep their place and their queued time."""
    planned = _read(query)
    queued = outbox.queued_ids([each.id for each in planned])
    lost = [each for each in planned if each.id not in queued]
    if lost:
        outbox.enqueue_again(lost)
        _mark(lost)
    if queued:
        execute_count(sa.update(Delivery).where(Delivery.id.in_(queued)).values(checked_at=moment))
        db.session.commit()
    return len(lost)


def _read(query: sa.Select[int, str, int, str]) -> list[Planned]:
    planned = [Planned(*row) for row in db.session.execute(query)]
    db.session.rollback()
    return planned


def _mark(planned: list[Planned]) -> None:
    outbox.mark_enqueued(db.session, [each.id for each in planned])
    db.session.commit()


def _fail_deferred(moment: datetime) -> None:
    """Mark deliveries that a server has deferred for two days as failed, with its last reply."""
    execute_count(
        sa.update(Delivery)
        .where(Delivery.state == "queued", Delivery.attempts > _EARLY_ATTEMPTS)
        .where(Delivery.created_at <= moment - GIVE_UP_AFTER, Delivery.error.is_not(None))
        .values(state="failed")
    )
    db.session.commit()


def _release_abandoned(moment: datetime) -> None:
    """Queue rows again whose sender died."""
    execute_count(
        sa.update(Delivery)
        .where(Delivery.state == "sending", Delivery.claimed_until <= moment)
        .values(state="queued", enqueued_at=None)
    )
    db.session.commit()
