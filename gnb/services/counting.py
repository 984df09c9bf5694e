"""What the business counts for the metrics: bookings made, by their status, and sign-ins, by how and whether they
succeeded. Importing the module makes it listen; the numbers are the broker's, one for all processes.
"""

from typing import Any, cast

import sqlalchemy as sa
from flask import has_app_context
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from gnb.extensions import db, engine, settings
from gnb.models import Booking
from gnb.services.accounts.authentication import sign_in_attempted

BOOKINGS = "bookings_created"
SIGN_INS = "auth_attempts"
LANGUAGE_MODEL = "language_model"
"""With the model's name and what is counted as labels; see `gnb.services.ai.usage`."""

_NEW = "bookings to be counted"


@sign_in_attempted.connect
def _count_sign_in(_sender: Any, kind: str, success: bool) -> None:
    _count(SIGN_INS, kind, str(success).lower())


@event.listens_for(db.session, "after_flush")
def _note_bookings(session: Session, _context: Any) -> None:
    new = [(made, made.status) for made in session.new if isinstance(made, Booking)]
    if new:
        session.info.setdefault(_NEW, []).extend(new)


@event.listens_for(db.session, "after_commit")
def _count_bookings(session: Session) -> None:
    """Count what is in the database for good: not at the end of a savepoint, nor what one has taken back."""
    if session.in_nested_transaction():
        return
    for booking, status in session.info.pop(_NEW, ()):
        if cast("sa.orm.InstanceState[Booking]", sa.inspect(booking)).persistent:
            _count(BOOKINGS, status)


@event.listens_for(db.session, "after_soft_rollback")
def _forget_bookings(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop(_NEW, None)


def _count(name: str, *labels: str) -> None:
    if has_app_context() and settings().queue_enabled:
        engine().counters.add(name, *labels)
