"""Events: what follows the commit of a transaction, for the rows that it has added, and what the metrics count.

    on_commit(Booking, lambda booking: booking.status, count_bookings)

After each commit `count_bookings` is called with the statuses of the bookings that the transaction has inserted. Rows
of a transaction or savepoint that was rolled back are left out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from blinker import Namespace
from flask import has_app_context
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from gnb.extensions import db, engine, settings
from gnb.models import Booking

Row = TypeVar("Row")
Fact = TypeVar("Fact")

sign_in_attempted = Namespace().signal("sign-in-attempted")
"""Sent after every attempt with `kind` ("session" or "token") and `success`."""

_ADDED = "rows added by this transaction"


class _Listener(NamedTuple):
    model: type
    read: Callable[[Any], Any]
    handle: Callable[[list[Any]], None]


_listeners: list[_Listener] = []


def on_commit(model: type[Row], read: Callable[[Row], Fact | None], handle: Callable[[list[Fact]], None]) -> None:
    """Call `handle` after each commit that has inserted rows of the model.

    Args:
        read: Returns what `handle` needs to know of a row, when the row is flushed; None skips the row.
        handle: Receives what `read` has returned for the rows of the transaction. It must not raise.
    """
    _listeners.append(_Listener(model, read, handle))


@event.listens_for(db.session, "after_flush")
def _collect(session: Session, _context: Any) -> None:
    for row in session.new:
        for listener in _listeners:
            if isinstance(row, listener.model) and (fact := listener.read(row)) is not None:
                session.info.setdefault(_ADDED, []).append((listener, row, fact))


@event.listens_for(db.session, "after_commit")
def _handle(session: Session) -> None:
    if session.in_nested_transaction():
        return
    # A row of a savepoint that was rolled back is no longer in the session.
    added = [(listener, fact) for listener, row, fact in session.info.pop(_ADDED, ()) if row in session]
    for listener in _listeners:
        if facts := [fact for each, fact in added if each is listener]:
            listener.handle(facts)


@event.listens_for(db.session, "after_soft_rollback")
def _discard(session: Session, transaction: SessionTransaction) -> None:
    if not transaction.nested:
        session.info.pop(_ADDED, None)


BOOKINGS = "bookings_created"
SIGN_INS = "auth_attempts"
LANGUAGE_MODEL = "language_model"
"""With the model's name and what is counted as labels; see `gnb.services.ai.usage`."""


@sign_in_attempted.connect
def _count_sign_in(_sender: Any, kind: str, success: bool) -> None:
    _count(SIGN_INS, kind, str(success).lower())


def _count_bookings(statuses: list[str]) -> None:
    for status in statuses:
        _count(BOOKINGS, status)


def _count(name: str, *labels: str) -> None:
    if has_app_context() and settings().queue_enabled:
        engine().counters.add(name, *labels)


on_commit(Booking, lambda booking: booking.status, _count_bookings)
