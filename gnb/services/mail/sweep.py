"""Picks up what was left behind: rows whose job was never made, was lost, or gave up; mailings that stand still.

It runs every minute (the job `enqueue-left-behind`), does so many rows a time, and may run twice at once: a row has one
job by its id, and is taken by one sender.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Campaign, Delivery, now
from gnb.services.mail import campaigns, planning, queueing
from gnb.services.mail.ledger import TAKEN_FOR
from gnb.services.mail.queueing import Planned

LEFT_BEHIND_AFTER = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=2)
_MOST_AT_ONCE = 1000
_LOST_AFTER = timedelta(minutes=10)
_AGAIN_AFTER = (timedelta(minutes=5), timedelta(hours=1))
"""After the attempts of a job are spent: so long for the first two jobs, so long for those after."""
_EARLY_ATTEMPTS = 10


def enqueue_left_behind(at: datetime | None = None) -> int:
    """How many deliveries were put (back) into the queue. Raises QueueUnavailable while the broker is away."""
    moment = at or now()
    _give_up(moment)
    _free_abandoned(moment)
    planning.close_finished()
    _nudge_mailings(moment)
    return _enqueue(_never_enqueued(moment)) + _enqueue(_given_up_by_jobs(moment)) + _confirm(_perhaps_lost(moment))


def _queued(*conditions: sa.ColumnElement[bool]) -> sa.Select[int, str, int]:
    at_rest = sa.select(Campaign.id).where(Campaign.mailing_state.in_(("planning", "paused", "cancelled")))
    query: sa.Select[int, str, int] = (
        sa.select(Delivery.id, Delivery.kind, Delivery.priority)
        .where(Delivery.state == "queued", *conditions)
        .where(sa.or_(Delivery.campaign_id.is_(None), Delivery.campaign_id.not_in(at_rest)))
        .limit(_MOST_AT_ONCE)
    )
    return query


def _never_enqueued(moment: datetime) -> sa.Select[int, str, int]:
    return _queued(Delivery.enqueued_at.is_(None), Delivery.created_at <= moment - LEFT_BEHIND_AFTER).order_by(
        Delivery.priority, Delivery.id
    )


def _given_up_by_jobs(moment: datetime) -> sa.Select[int, str, int]:
    soon, later = _AGAIN_AFTER
    early = Delivery.attempts <= _EARLY_ATTEMPTS
    due = sa.or_(
        sa.and_(early, Delivery.enqueued_at <= moment - soon), sa.and_(~early, Delivery.enqueued_at <= moment - later)
    )
    return _queued(Delivery.attempts > 0, due).order_by(Delivery.enqueued_at)


def _perhaps_lost(moment: datetime) -> sa.Select[int, str, int]:
    return _queued(Delivery.attempts == 0, Delivery.enqueued_at <= moment - _LOST_AFTER).order_by(Delivery.enqueued_at)


def _enqueue(query: sa.Select[int, str, int]) -> int:
    """Each row gets a fresh job."""
    planned = _read(query)
    if planned:
        queueing.enqueue_again(planned)
        _mark(planned)
    return len(planned)


def _confirm(query: sa.Select[int, str, int]) -> int:
    """Of rows that wait long, those whose job has ended or was lost get another; the rest keep their place."""
    planned = _read(query)
    lost = [each for each in planned if not queueing.is_in_queue(each.id)]
    queueing.enqueue_again(lost)
    if planned:
        _mark(planned)
    return len(lost)


def _read(query: sa.Select[int, str, int]) -> list[Planned]:
    planned = [Planned(*row) for row in db.session.execute(query)]
    db.session.rollback()
    return planned


def _mark(planned: list[Planned]) -> None:
    queueing.mark_enqueued(db.session, [each.id for each in planned])
    db.session.commit()


def _give_up(moment: datetime) -> None:
    """What a server has turned away for two days has failed, with the words it had last."""
    db.session.execute(
        sa.update(Delivery)
        .where(Delivery.state == "queued", Delivery.attempts > _EARLY_ATTEMPTS)
        .where(Delivery.created_at <= moment - GIVE_UP_AFTER, Delivery.error.is_not(None))
        .values(state="failed")
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _free_abandoned(moment: datetime) -> None:
    """A row whose sender died is queued again, and due at once."""
    db.session.execute(
        sa.update(Delivery)
        .where(Delivery.state == "sending", Delivery.sending_at <= moment - TAKEN_FOR)
        .values(state="queued", enqueued_at=None)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _nudge_mailings(moment: datetime) -> None:
    """A mailing that is to move and has not for a minute gets its job again."""
    unsettled = sa.exists().where(Delivery.campaign_id == Campaign.id, Delivery.state == "queued")
    queued = sa.exists().where(
        Delivery.campaign_id == Campaign.id, Delivery.state == "queued", Delivery.enqueued_at.is_not(None)
    )
    asks = sa.or_(
        Campaign.mailing_state == "planning",
        sa.and_(Campaign.mailing_state == "paused", queued),
        sa.and_(Campaign.mailing_state == "cancelled", unsettled),
    )
    standing = Campaign.updated_at <= moment - LEFT_BEHIND_AFTER
    still = list(db.session.scalars(sa.select(Campaign.id).where(asks, standing)))
    db.session.rollback()
    for campaign_id in still:
        db.session.execute(sa.update(Campaign).where(Campaign.id == campaign_id).values(updated_at=moment))
        db.session.commit()
        campaigns.request_course(campaign_id)
