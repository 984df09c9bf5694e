"""The history of a tour's price, with the reason for each step."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import Model, now, one_of
from gnb.models.campaign import Campaign
from gnb.models.tour import CURRENCIES, Tour

PRICE_CAUSES = ("campaign", "demand", "restore", "manual")


class PriceChange(Model):
    """One change of a current price. A job that runs twice for one `period` (such as `2026-W48`) writes once."""

    __tablename__ = "price_changes"
    __table_args__ = (
        one_of("cause", PRICE_CAUSES),
        one_of("currency", CURRENCIES),
        sa.UniqueConstraint("tour_id", "cause", "period"),
        sa.Index(None, "tour_id", "created_at"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tour_id: Mapped[int] = mapped_column(sa.ForeignKey("tours.id", ondelete="CASCADE"))
    campaign_id: Mapped[int | None] = mapped_column(sa.ForeignKey("campaigns.id", ondelete="SET NULL"))
    changed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    cause: Mapped[str] = mapped_column(sa.String(20))
    period: Mapped[str | None] = mapped_column(sa.String(40))
    base_price: Mapped[Decimal]
    old_price: Mapped[Decimal]
    new_price: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(sa.String(3))
    reason: Mapped[str] = mapped_column(sa.String(500))
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The numbers that the reason rests on."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    tour: Mapped[Tour] = relationship()
    campaign: Mapped[Campaign | None] = relationship()
