"""Bearer tokens that were ended before their time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from gnb.models.base import Model, now


class RevokedToken(Model):
    """A token's id, kept until the token would have expired by itself."""

    __tablename__ = "revoked_tokens"
    __table_args__ = (sa.Index(None, "expires_at"),)

    jti: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime] = mapped_column(default=now)
