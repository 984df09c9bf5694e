"""Once a transaction that planned mail is committed, the mail is in the queue: nobody has to remember it.

With the broker away it is sent at once instead, with short timeouts; what cannot be sent either waits in the ledger
for the sweep. Mail is never a reason for its cause to fail, so nothing is raised here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction

from gnb.extensions import db
from gnb.models import Delivery
from gnb.queueing.errors import QueueUnavailable
from gnb.services.mail import queueing, sending
from gnb.services.mail.errors import MailError, MailUnavailable
from gnb.services.mail.queueing import Planned

log = structlog.stdlib.get_logger(__name__)

_PLANNED = "deliveries to enqueue"
_OUTAGE_REMEMBERED = 30.0  # seconds in which nobody else waits for a mail server that was away
_MOST_AT_ONCE = 5
_away_until = 0.0
_left_alone: ContextVar[bool] = ContextVar("mail is left alone", default=False)


@event.listens_for(db.session, "after_flush")
def _notice(session: Session, _context: Any) -> None:
    planned = [row for row in session.new if isinstance(row, Delivery) and row.state == "queued"]
    if planned:
        session.info.setdefault(_PLANNED, []).extend((row, Planned(row.id, row.kind, row.priority)) for row in planned)


@event.listens_for(db.session, "after_soft_rollback")
def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    if not rolled_back.nested:
        session.info.pop(_PLANNED, None)


@event.listens_for(db.session, "after_commit")
def _enqueue(session: Session) -> None:
    if session.in_nested_transaction():
        return
    # A row that a savepoint took back is no longer the session's.
    planned = [each for row, each in session.info.pop(_PLANNED, []) if row in session]
    if planned and not _left_alone.get():
        hand_over(planned)


@contextmanager
def left_alone() -> Iterator[None]:
    """Within the block what is planned goes nowhere: its caller sends it."""
    token = _left_alone.set(True)
    try:
        yield
    finally:
        _left_alone.reset(token)


def hand_over(planned: list[Planned]) -> None:
    """Into the queue, or out of the door at once, or left to the sweep."""
    try:
        queueing.enqueue(planned)
    except QueueUnavailable as error:
        log.warning("mail goes out without the queue", deliveries=len(planned), cause=str(error))
        _send_at_once([each.id for each in planned])
        return
    try:
        with db.engine.begin() as connection:
            queueing.mark_enqueued(connection, [each.id for each in planned])
    except SQLAlchemyError as error:  # the sweep finds the rows unmarked, and their jobs in the queue
        log.warning("enqueued mail could not be marked", deliveries=len(planned), error=type(error).__name__)


def _send_at_once(delivery_ids: list[int]) -> None:
    """In a session of its own: the caller's has just been committed, and is theirs."""
    global _away_until
    if time.monotonic() < _away_until:
        return
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]
        for delivery_id in delivery_ids[:_MOST_AT_ONCE]:
            try:
                sending.send(delivery_id, hurried=True)
            except MailUnavailable:
                _away_until = time.monotonic() + _OUTAGE_REMEMBERED
                return
            except (MailError, SQLAlchemyError) as error:
                log.warning("a message could not be sent at once", delivery=delivery_id, error=type(error).__name__)
