"""Brings the ledger and the queue to what a mailing's state says, batch by batch.

Killed anywhere, it is done again from where it was: rows and the mark of how far they reach (`planned_up_to`) are
committed together, a recipient has one row by its unique key, and a row has one job by its id.
"""

from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gnb.extensions import db
from gnb.models import LANGUAGES, Campaign, Delivery, now
from gnb.services.mail import queueing
from gnb.services.mail.addresses import one_line
from gnb.services.mail.ledger import CALLED_OFF, PRIORITIES
from gnb.services.mail.queueing import Planned
from gnb.services.mail.segments import next_recipients

BATCH = 2000
_KIND = "campaign-notification"

Report = Callable[[float, str], None]


class _Overtaken(Exception):
    """Another process plans the same mailing, or a person has changed its state."""


def follow(campaign_id: int, report: Report = lambda _percent, _words: None) -> str:
    """Do what the mailing's state asks for; the state it has then."""
    state = _state(campaign_id)
    if state == "planning":
        _plan(campaign_id, report)
    elif state == "paused":
        _withdraw(campaign_id, report)
    elif state == "cancelled":
        _withdraw(campaign_id, report)
        _call_off(campaign_id)
    return _state(campaign_id)


def close_finished() -> int:
    """Mark the mailings that have nothing left to send as sent; how many. Commits."""
    open_rows = sa.exists().where(Delivery.campaign_id == Campaign.id, Delivery.state.in_(("queued", "sending")))
    done = db.session.execute(
        sa.update(Campaign)
        .where(Campaign.mailing_state == "sending", ~open_rows)
        .values(mailing_state="sent", mailing_finished_at=now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return cast("sa.CursorResult[Any]", done).rowcount


def _plan(campaign_id: int, report: Report) -> None:
    _put_back(campaign_id)
    campaign = db.session.get_one(Campaign, campaign_id)
    segment, total, position = dict(campaign.segment), campaign.recipients or 0, campaign.planned_up_to
    done = db.session.scalar(sa.select(sa.func.count()).where(Delivery.campaign_id == campaign_id)) or 0
    try:
        while True:
            rows, reached = next_recipients(segment, position, BATCH)
            if reached == position:
                break
            _write_rows(campaign_id, rows, position, reached)
            position, done = reached, done + len(rows)
            _enqueue_planned(campaign_id)
            report(100.0 * done / max(total, done, 1), f"{done:,} of {max(total, done):,} planned")
        _change_state(campaign_id, "planning", "sending")
    except _Overtaken:
        db.session.rollback()


def _write_rows(campaign_id: int, recipients: list[sa.Row[int, str, str, str]], position: int, reached: int) -> None:
    """The batch's rows and the mark of how far they reach, in one transaction. Raises _Overtaken."""
    marked = db.session.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.mailing_state == "planning", Campaign.planned_up_to == position)
        .values(planned_up_to=reached, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    if cast("sa.CursorResult[Any]", marked).rowcount != 1:
        raise _Overtaken
    if recipients:
        moment = now()
        rows = [_row(campaign_id, recipient, moment) for recipient in recipients]
        db.session.execute(_insert().on_conflict_do_nothing(index_elements=["unique_key"]), rows)
    db.session.commit()


def _row(campaign_id: int, recipient: sa.Row[int, str, str, str], moment: Any) -> dict[str, Any]:
    return {
        "unique_key": f"campaign:{campaign_id}:user:{recipient.id}",
        "kind": _KIND,
        "state": "queued",
        "language": recipient.language if recipient.language in LANGUAGES else "en",
        "recipient": recipient.email,
        "recipient_name": one_line(recipient.name, 200),
        "user_id": recipient.id,
        "campaign_id": campaign_id,
        "content": {},
        "priority": PRIORITIES[_KIND],
        "attempts": 0,
        "created_at": moment,
    }


def _insert() -> Any:
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(Delivery.__table__)


def _put_back(campaign_id: int) -> None:
    """Put into the queue whatever an earlier run or a pause left out of it. Raises QueueUnavailable."""
    last = 0
    while planned := _queued_rows(campaign_id, Delivery.id > last):
        queueing.enqueue_again(planned)
        _mark(planned)
        last = planned[-1].id


def _enqueue_planned(campaign_id: int) -> None:
    """Put into the queue what has just been planned. Raises QueueUnavailable."""
    while planned := _queued_rows(campaign_id, Delivery.enqueued_at.is_(None)):
        queueing.enqueue(planned)
        _mark(planned)


def _queued_rows(campaign_id: int, condition: sa.ColumnElement[bool]) -> list[Planned]:
    own = (Delivery.campaign_id == campaign_id, Delivery.state == "queued", condition)
    query = sa.select(Delivery.id, Delivery.kind, Delivery.priority).where(*own).order_by(Delivery.id).limit(BATCH)
    rows = db.session.execute(query)
    planned = [Planned(*row) for row in rows]
    db.session.rollback()
    return planned


def _mark(planned: list[Planned]) -> None:
    queueing.mark_enqueued(db.session, [each.id for each in planned])
    db.session.commit()


def _withdraw(campaign_id: int, report: Report) -> None:
    """Take what waits out of the queue, so that it is in nobody's way; the rows stay planned."""
    state, withdrawn = _state(campaign_id), 0
    waiting = (Delivery.campaign_id == campaign_id, Delivery.state == "queued", Delivery.enqueued_at.is_not(None))
    query = sa.select(Delivery.id).where(*waiting).order_by(Delivery.id).limit(BATCH)
    while _state(campaign_id) == state and (ids := list(db.session.scalars(query))):
        db.session.rollback()
        queueing.withdraw(ids)
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.id.in_(ids), Delivery.state == "queued")
            .values(enqueued_at=None)
            .execution_options(synchronize_session=False)
        )
        db.session.commit()
        withdrawn += len(ids)
        report(0, f"{withdrawn:,} taken out of the queue")


def _call_off(campaign_id: int) -> None:
    """Mark what was never sent of a cancelled mailing."""
    db.session.execute(
        sa.update(Delivery)
        .where(Delivery.campaign_id == campaign_id, Delivery.state == "queued")
        .values(state="suppressed", error=CALLED_OFF)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _change_state(campaign_id: int, before: str, after: str) -> None:
    done = db.session.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.mailing_state == before)
        .values(mailing_state=after, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    if cast("sa.CursorResult[Any]", done).rowcount != 1:
        raise _Overtaken
    db.session.commit()


def _state(campaign_id: int) -> str:
    """The mailing's state at this moment; "none" for a campaign that is gone."""
    db.session.rollback()
    return db.session.scalar(sa.select(Campaign.mailing_state).where(Campaign.id == campaign_id)) or "none"
