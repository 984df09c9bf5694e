"""What mail an address wants."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from gnb.models.base import Model, now
from gnb.models.user import normalize_email


class NotificationSetting(Model):
    """The wishes of one address, account or guest alike; an address without a row wants everything."""

    __tablename__ = "notification_settings"

    email: Mapped[str] = mapped_column(sa.String(254), primary_key=True)
    bookings: Mapped[bool] = mapped_column(default=True)
    """Confirmations of bookings and payments."""
    campaigns: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @validates("email")
    def _normalize_email(self, _key: str, value: str) -> str:
        return normalize_email(value)
