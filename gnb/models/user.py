"""Users: their tokens, what mail and which alerts their addresses receive, and what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from gnb.models.base import DEFAULT_LANGUAGE, LANGUAGES, BigId, Model, now, one_of

ROLES = ("user", "driver", "support", "manager", "admin", "superadmin")
ADMIN_ROLES = frozenset({"admin", "superadmin"})
"""Who may change jobs, exports, prices and people."""

STAFF_ROLES = frozenset({"support", "manager"}) | ADMIN_ROLES
"""Who may read the admin pages, and record transfers."""

TRANSFER_ROLES = STAFF_ROLES | {"driver"}
"""Who may record transfers: a driver only their own."""

REPORT_READERS = ADMIN_ROLES | {"manager"}
"""Who gets and may read the weekly report."""


def normalize_email(address: str) -> str:
    """Return the address as accounts are looked up by it: without blanks around it, in lower case."""
    return address.strip().lower()


class User(UserMixin, Model):
    """One account. `token_version` goes up when the password changes: older sessions and tokens end there."""

    __tablename__ = "users"
    __table_args__ = (
        one_of("role", ROLES),
        one_of("language", LANGUAGES),
        sa.Index(None, "role", "created_at"),
        sa.Index(None, "language", "created_at"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    role: Mapped[str] = mapped_column(sa.String(20), default="user")
    language: Mapped[str] = mapped_column(sa.String(5), default=DEFAULT_LANGUAGE)
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    """argon2id in its PHC string form; None for an account that cannot sign in with a password."""
    token_version: Mapped[int] = mapped_column(default=1)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_login_at: Mapped[datetime | None]

    @validates("email")
    def _normalize_email(self, _key: str, value: str) -> str:
        return normalize_email(value)

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def is_admin(self) -> bool:
        return self.role in ADMIN_ROLES

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF_ROLES

    def get_id(self) -> str:
        """Return what the session remembers: a changed password invalidates it."""
        return f"{self.id}:{self.token_version}"

    def __repr__(self) -> str:
        return f"<User {self.id} {self.role}>"


class NotificationSetting(Model):
    """Whether one address, account or guest alike, wants campaigns; an address without a row does."""

    __tablename__ = "notification_settings"

    email: Mapped[str] = mapped_column(sa.String(254), primary_key=True)
    campaigns: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @validates("email")
    def _normalize_email(self, _key: str, value: str) -> str:
        return normalize_email(value)


class RevokedToken(Model):
    """A token's id, kept until the token would have expired by itself."""

    __tablename__ = "revoked_tokens"
    __table_args__ = (sa.Index(None, "expires_at"),)

    jti: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime] = mapped_column(default=now)


class IssuedToken(Model):
    """A bearer token that was issued, so that it can be listed and revoked; it ends with its account's `version`."""

    __tablename__ = "issued_tokens"
    __table_args__ = (sa.Index(None, "user_id"), sa.Index(None, "expires_at"))

    jti: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    version: Mapped[int]
    source: Mapped[str] = mapped_column(sa.String(60))
    """`command line`, or the address that signed in."""
    issued_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]


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
