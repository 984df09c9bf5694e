"""The audit table: who changed what, from where and when, and how many things it touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import g, has_request_context, request
from sqlalchemy.orm import joinedload

from gnb.extensions import db
from gnb.models import AuditEntry, User

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

    `label` says who it was when there is no account. Address and request id come from the request, if there is one.
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
    """Which entries are asked for; None matches all. `action` may be a prefix such as `job.`."""

    action: str | None = None
    actor_id: int | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(wanted: AuditFilter, start: int = 0, end: int = 50) -> tuple[list[AuditEntry], int]:
    """The entries from `start` up to, not including, `end`, newest first, and how many match in all."""
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
