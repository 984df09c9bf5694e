"""The outbox: a delivery is enqueued after the commit of the transaction that planned it.

A job carries the delivery's number and a digest of its address, and its id is made from that number, so a delivery has
at most one job. With the broker unreachable, a few deliveries are sent inline with short timeouts; what cannot be sent
either is left to the sweep. A mail problem never fails the transaction that caused the mail, so nothing is raised here.
"""

import hashlib
import hmac
import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from gnb.extensions import db, engine, settings
from gnb.messages import make_message
from gnb.models import Delivery, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services.events import on_commit
from gnb.services.mail import MailError, MailUnavailable, sending

log = structlog.stdlib.get_logger(__name__)

_OUTAGE_SECONDS = 30.0
"""After an unreachable mail server no other request waits for it for this long."""
_MAX_INLINE = 5
_unreachable_until = 0.0
_suspended: ContextVar[bool] = ContextVar("enqueueing of mail is suspended", default=False)
_JOB_TYPES = frozenset({"booking-confirmation", "payment-confirmation", "campaign-notification"})


class Planned(NamedTuple):
    """What the queue needs to know of a delivery."""

    id: int
    kind: str
    priority: int
    recipient: str
    aside: bool = False
    """Whether nobody may notice by the time of an answer what becomes of it."""


class Executes(Protocol):
    """A session or a connection."""

    def execute(self, statement: sa.Update, /) -> Any: ...


def job_id(delivery_id: int) -> str:
    """Return the id of the job that sends the delivery."""
    return f"delivery-{delivery_id}"


def enqueue(planned: Iterable[Planned]) -> None:
    """Enqueue the deliveries; those in the queue already stay unchanged. Raises QueueUnavailable."""
    if not settings().queue_enabled:
        raise QueueUnavailable(make_message("queue_unavailable.disabled"))
    engine().queue("email").enqueue_many(_job(each) for each in planned)


def enqueue_again(planned: list[Planned]) -> None:
    """Enqueue deliveries whose job may have ended or been lost. Raises QueueUnavailable."""
    if planned:
        engine().queue("email").remove_many([job_id(each.id) for each in planned])
        enqueue(planned)


def queued_ids(delivery_ids: list[int]) -> set[int]:
    """Return those deliveries that a job will send, in one round trip. Raises QueueUnavailable."""
    unfinished = engine().queue("email").unfinished([job_id(each) for each in delivery_ids])
    return {each for each in delivery_ids if job_id(each) in unfinished}


def mark_enqueued(session: Executes, delivery_ids: list[int]) -> None:
    """Record that the deliveries are in the queue; the caller commits."""
    session.execute(
        sa.update(Delivery)
        .where(Delivery.id.in_(delivery_ids))
        .values(enqueued_at=now(), job_id=sa.literal("delivery-") + sa.cast(Delivery.id, sa.String))
        .execution_options(synchronize_session=False)
    )


def mailbox_digest(address: str) -> str:
    """Return a digest that is the same for all addresses of one mailbox: those that differ in case or after a plus."""
    local, _, domain = address.strip().lower().rpartition("@")
    mailbox = f"mailbox {local.partition('+')[0]}@{domain}"
    return hmac.new(settings().secret_key.encode(), mailbox.encode(), hashlib.sha256).hexdigest()[:20]


def _job(planned: Planned) -> tuple[str, dict[str, Any], dict[str, Any]]:
    job_type = planned.kind if planned.kind in _JOB_TYPES else "send-email"
    data = {"deliveryId": planned.id, "recipient": mailbox_digest(planned.recipient)}
    return job_type, data, {"job_id": job_id(planned.id), "priority": planned.priority}


@contextmanager
def without_enqueueing() -> Iterator[None]:
    """Do not enqueue what is planned in the block: the caller sends it."""
    token = _suspended.set(True)
    try:
        yield
    finally:
        _suspended.reset(token)


def _enqueue_committed(planned: list[Planned]) -> None:
    """Enqueue what a transaction has planned; with the broker unreachable, send some of it inline."""
    if _suspended.get():
        return
    try:
        enqueue(planned)
    except QueueUnavailable as error:
        log.warning("mail is sent inline, without the queue", deliveries=len(planned), cause=str(error))
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        _send_inline(app, [each.id for each in planned if not each.aside])
        if aside := [each.id for each in planned if each.aside]:
            threading.Thread(target=_send_inline, args=(app, aside), name="mail sent aside").start()
        return
    try:
        with db.engine.begin() as connection:
            mark_enqueued(connection, [each.id for each in planned])
    except SQLAlchemyError as error:  # the sweep enqueues the rows again, under the same job ids
        log.warning("enqueued mail could not be marked", deliveries=len(planned), error=type(error).__name__)


def _send_inline(app: Flask, delivery_ids: list[int]) -> None:
    """Send the deliveries in a session of its own; the caller's has just been committed."""
    global _unreachable_until
    if time.monotonic() < _unreachable_until:
        return
    with app.app_context():
        if not send_inline(delivery_ids[:_MAX_INLINE]):
            _unreachable_until = time.monotonic() + _OUTAGE_SECONDS


def send_inline(delivery_ids: Iterable[int], seconds: float = math.inf) -> bool:
    """Send the deliveries, as many as the time allows; return False as soon as the mail server is unreachable."""
    end = time.monotonic() + seconds
    for delivery_id in delivery_ids:
        if time.monotonic() >= end:
            break
        try:
            sending.send(delivery_id, inline=True)
        except MailUnavailable:
            return False
        except (MailError, SQLAlchemyError) as error:
            log.warning("a message could not be sent inline", delivery=delivery_id, error=type(error).__name__)
    return True


def _planned(row: Delivery) -> Planned | None:
    aside = "reference" in row.content
    return Planned(row.id, row.kind, row.priority, row.recipient, aside) if row.state == "queued" else None


on_commit(Delivery, _planned, _enqueue_committed)
