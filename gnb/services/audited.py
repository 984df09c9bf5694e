"""A change in the broker and its entry in the audit table, which nothing can commit in one step.

The entry is committed first, as asked for, and says what came of it once that is known. So nothing changes without an
entry: with the database away nothing is done. One that still says `asked` tells that database, broker or we went
away in between, and that nobody wrote down whether it was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog

from gnb.extensions import db
from gnb.models import AuditEntry, User
from gnb.queueing.errors import QueueingError, QueueUnavailable
from gnb.services import audit_service

log = structlog.stdlib.get_logger(__name__)

ASKED = {"outcome": "asked"}


@dataclass
class Change:
    """What the entry says in the end; the `with` block fills in what it learns."""

    target: str
    count: int = 1
    details: dict[str, Any] = field(default_factory=dict)


@contextmanager
def audited(actor: User | None, action: str, target: str, details: dict[str, Any] | None = None) -> Iterator[Change]:
    """A block that makes the change. One that the engine refuses leaves no entry."""
    change = Change(target, details=details or {})
    entry = audit_service.record(actor, action, target, 0, change.details | ASKED)
    db.session.flush()
    entry_id = entry.id
    db.session.commit()
    try:
        yield change
    except QueueUnavailable:  # it may have arrived
        raise
    except QueueingError:
        _settle(sa.delete(AuditEntry).where(AuditEntry.id == entry_id))
        raise
    values = {"target": change.target[:200], "count": change.count, "details": change.details}
    _settle(sa.update(AuditEntry).where(AuditEntry.id == entry_id).values(**values))


def _settle(statement: Any) -> None:
    """The change is made, or refused: that the database is away now must not say otherwise."""
    try:
        db.session.execute(statement)
        db.session.commit()
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        log.warning("an entry of the audit could not be completed", exc_info=True)
