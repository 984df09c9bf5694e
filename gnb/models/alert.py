"""What is wrong with the queues, who has acknowledged it, and who is notified."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import Model, now, one_of
from gnb.models.user import User

ALERT_KINDS = ("failures", "no_workers", "stalled", "no_scheduler", "memory", "broker")
"""The kinds that a rule can notify of."""

CHANNELS = ("mail", "webhook")


class AlertState(Model):
    """One alert by its key, such as `failures:email:5f2c…` or `no_workers:ai`: its acknowledgement and notifications.

    An acknowledged alert is shown again at `acknowledged_until`, and before when its count exceeds
    `acknowledged_count`. The row whose key is `AlertState.CHECK` says when the notifications were last checked.
    """

    __tablename__ = "alert_states"

    CHECK = "check"

    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    first_seen_at: Mapped[datetime] = mapped_column(default=now)
    checked_at: Mapped[datetime] = mapped_column(default=now)
    summary: Mapped[str] = mapped_column(sa.String(500), default="")
    """In English, for the message that says that it is resolved."""
    acknowledged_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    acknowledged_until: Mapped[datetime | None]
    acknowledged_count: Mapped[int] = mapped_column(default=0)
    notified: Mapped[list[int]] = mapped_column(default=list)
    """The rules that have notified of it, and notify of its end."""

    acknowledged_by: Mapped[User | None] = relationship()


class AlertRule(Model):
    """Who is notified, and of what: an address or a URL, the kinds of alerts, and one queue or all."""

    __tablename__ = "alert_rules"
    __table_args__ = (one_of("channel", CHANNELS),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(20))
    target: Mapped[str] = mapped_column(sa.String(500))
    queue: Mapped[str | None] = mapped_column(sa.String(50))
    kinds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Each kind with True."""
    error: Mapped[str | None] = mapped_column(sa.String(500))
    """Why the newest notification could not be sent; None if it was."""
    notified_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
