"""The audit table: who changed what, from where and when, and how many things it touched.

A change in the broker and its audit entry cannot be committed in one transaction. `audited` therefore commits the
entry first, with the outcome `asked`, and completes it once the change is made: nothing changes without an entry, and
nothing is done while the database is unreachable. An entry that stays at `asked` tells that database, broker or
process failed in between, and that it is not known whether the change was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from flask import g, has_request_context, request
from sqlalchemy.orm import joinedload

from gnb.extensions import db
from gnb.models import AuditEntry, User
from gnb.queueing.errors import QueueingError, QueueUnavailable

COMMAND_LINE = "command line"


def record(
    actor: User | None,
    action: str,
    target: str,
    count: int = 1,
    details: dict[str, Any] | None = None,
    label: str = COMMAND_LINE,
) -> AuditEntry:
    """Add an entry such as `record(user, "job.retry", "email/4711")` to the session; the caller commits.

    `label` names the actor if there is no account. Address and request id are taken from the request, if there is one.
    """
    entry = AuditEntry(
        actor_id=actor.id if actor else None,
        actor_label=f"{actor.name} ({actor.role})"[:200] if actor else label,
        action=action,
        target=target[:200],
        count=count,
        details=details or {},
    )
    if has_request_context():
        entry.address = request.remote_addr
        entry.request_id = g.get("request_id")
    db.session.add(entry)
    return entry


@dataclass(frozen=True)
class AuditFilter:
    """Which entries to return; None matches all. `action` may be a prefix such as `job.`."""

    action: str | None = None
    actor_id: int | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(wanted: AuditFilter, start: int = 0, end: int = 50) -> tuple[list[AuditEntry], int]:
    """Return the entries in [start, end), newest first, and the number of all that match."""
    conditions = _conditions(wanted)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(*conditions))
    rows = db.session.scalars(
        sa.select(AuditEntry)
        .where(*conditions)
        .options(joinedload(AuditEntry.actor))
        .order_by(AuditEntry.created_at.desc(), AuditEntry.id.desc())
        .slice(start, end)
    )
    return list(rows), total or 0


def _conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.action:
        conditions.append(AuditEntry.action.startswith(wanted.action, autoescape=True))
    if wanted.actor_id is not None:
        conditions.append(AuditEntry.actor_id == wanted.actor_id)
    if wanted.target:
        conditions.append(AuditEntry.target == wanted.target)
    if wanted.since:
        conditions.append(AuditEntry.created_at >= wanted.since)
    if wanted.until:
        conditions.append(AuditEntry.created_at < wanted.until)
    return conditions


log = structlog.stdlib.get_logger(__name__)

ASKED = {"outcome": "asked"}


@dataclass
class Change:
    """What the entry will say; the `with` block fills in what it learns."""

    target: str
    count: int = 1
    details: dict[str, Any] = field(default_factory=dict)


@contextmanager
def audited(actor: User | None, action: str, target: str, details: dict[str, Any] | None = None) -> Iterator[Change]:
    """Record the change that the `with` block makes; one that the engine rejects leaves no entry."""
    change = Change(target, details=details or {})
    entry = record(actor, action, target, 0, change.details | ASKED)
    db.session.flush()
    entry_id = entry.id
    db.session.commit()
    try:
        yield change
    except QueueUnavailable:  # it may have arrived
        raise
    except QueueingError:
        _complete(sa.delete(AuditEntry).where(AuditEntry.id == entry_id))
        raise
    values = {"target": change.target[:200], "count": change.count, "details": change.details}
    _complete(sa.update(AuditEntry).where(AuditEntry.id == entry_id).values(**values))


def _complete(statement: Any) -> None:
    """Complete or delete the entry. The change itself is done, so a database failure must not be reported for it."""
    try:
        db.session.execute(statement)
        db.session.commit()
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        log.warning("an entry of the audit could not be completed", exc_info=True)
