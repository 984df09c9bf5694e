"""Who changed what, from where and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import BigId, Model, now
from gnb.models.user import User


class AuditEntry(Model):
    """One change, such as `job.retry` on `email/4711`; `count` is how many things it touched."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        sa.Index(None, "created_at"),
        sa.Index(None, "actor_id", "created_at"),
        sa.Index(None, "action", "created_at"),
        sa.Index(None, "target", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    """None for the command line and for jobs."""
    actor_label: Mapped[str] = mapped_column(sa.String(200))
    """Who it was, in words that outlive the account: a name and role, or `command line`."""
    action: Mapped[str] = mapped_column(sa.String(60))
    target: Mapped[str] = mapped_column(sa.String(200))
    count: Mapped[int] = mapped_column(default=1)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    address: Mapped[str | None] = mapped_column(sa.String(45))
    """The caller's network address."""
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)

    actor: Mapped[User | None] = relationship()
