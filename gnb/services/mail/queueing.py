"""Deliveries into the `email` queue. A job carries the delivery's number and nothing else, and the delivery's number
is its id: the same delivery cannot be in the queue twice."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from gnb.extensions import engine, settings
from gnb.models import Delivery, now
from gnb.queueing.errors import JobNotFound, QueueUnavailable

_JOB_TYPES = frozenset({"booking-confirmation", "payment-confirmation", "campaign-notification"})


class Planned(NamedTuple):
    """What the queue has to know of a delivery."""

    id: int
    kind: str
    priority: int


class Executes(Protocol):
    """A session or a connection."""

    def execute(self, statement: sa.Update, /) -> Any: ...


def job_id(delivery_id: int) -> str:
    """The id of the job that sends this delivery."""
    return f"delivery-{delivery_id}"


def enqueue(planned: Iterable[Planned]) -> None:
    """Have the deliveries sent by workers; those in the queue already stay as they are. Raises QueueUnavailable."""
    if not settings().queue_enabled:
        raise QueueUnavailable("the queue is switched off")
    engine().queue("email").enqueue_many(_job(each) for each in planned)


def enqueue_again(planned: list[Planned]) -> None:
    """The same for deliveries whose job has ended, or was lost. Raises QueueUnavailable."""
    withdraw(each.id for each in planned)
    enqueue(planned)


def withdraw(delivery_ids: Iterable[int]) -> int:
    """Take deliveries out of the queue again; how many were in it. One being sent goes on. Raises QueueUnavailable."""
    return engine().queue("email").remove_many([job_id(delivery_id) for delivery_id in delivery_ids])


def is_in_queue(delivery_id: int) -> bool:
    """Whether a job is there that will send it. Raises QueueUnavailable."""
    try:
        return engine().queue("email").job(job_id(delivery_id)).state in ("waiting", "active", "delayed")
    except JobNotFound:
        return False


def mark_enqueued(session: Executes, delivery_ids: list[int]) -> None:
    """Write down that they are in the queue; the caller commits."""
    session.execute(
        sa.update(Delivery)
        .where(Delivery.id.in_(delivery_ids))
        .values(enqueued_at=now(), job_id=sa.literal("delivery-") + sa.cast(Delivery.id, sa.String))
        .execution_options(synchronize_session=False)
    )


def _job(planned: Planned) -> tuple[str, dict[str, Any], dict[str, Any]]:
    job_type = planned.kind if planned.kind in _JOB_TYPES else "send-email"
    return job_type, {"deliveryId": planned.id}, {"job_id": job_id(planned.id), "priority": planned.priority}
