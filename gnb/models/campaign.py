"""Campaigns: a rule that lowers prices for a period, and a mail about it; and the history of prices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import Model, localized, now, one_of
from gnb.models.tour import CATEGORIES, CURRENCIES, Tour

CAMPAIGN_STATES = ("draft", "active", "paused", "ended")
MAILING_STATES = ("none", "planning", "sending", "paused", "sent", "cancelled")


class Campaign(Model):
    """One campaign.

    The rule applies between `starts_at` and `ends_at` to tours that match every condition set (None matches
    all): city, category, a single tour, the weekday, and how many bookings the tour had in the last week.
    A rule that does not stack competes and the best one wins; stacking rules add up; no price falls below
    `floor_percent` of the base price. The mail has its own state, since it can be held back or sent alone.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        one_of("state", CAMPAIGN_STATES),
        one_of("mailing_state", MAILING_STATES),
        one_of("category", CATEGORIES),
        sa.CheckConstraint("ends_at > starts_at", name="ends_at"),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 90", name="discount_percent"),
        sa.CheckConstraint("floor_percent BETWEEN 10 AND 100", name="floor_percent"),
        sa.CheckConstraint("min_bookings IS NULL OR min_bookings >= 0", name="min_bookings"),
        sa.CheckConstraint("max_bookings IS NULL OR max_bookings >= COALESCE(min_bookings, 0)", name="max_bookings"),
        sa.Index(None, "state", "starts_at"),
        sa.Index(None, "mailing_state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    state: Mapped[str] = mapped_column(sa.String(20), default="draft")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    discount_percent: Mapped[int]
    floor_percent: Mapped[int] = mapped_column(default=70)
    stacks: Mapped[bool] = mapped_column(default=False)
    city: Mapped[str | None] = mapped_column(sa.String(80))
    category: Mapped[str | None] = mapped_column(sa.String(20))
    tour_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tours.id", ondelete="CASCADE"))
    weekdays: Mapped[list[int]] = mapped_column(default=list)
    """ISO weekdays, 1 Monday … 7 Sunday, in Europe/Istanbul; empty for every day."""
    min_bookings: Mapped[int | None]
    max_bookings: Mapped[int | None]

    subjects: Mapped[dict[str, str]] = mapped_column(default=dict)
    bodies: Mapped[dict[str, str]] = mapped_column(default=dict)
    segment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Who is written to: `languages`, `tour_ids`, `booked_after`, `booked_before`, `user_ids`; empty: everyone."""
    mailing_state: Mapped[str] = mapped_column(sa.String(20), default="none")
    planned_up_to: Mapped[int] = mapped_column(default=0)
    """The last user id whose message is planned: where a killed planner goes on."""
    recipients: Mapped[int | None]
    """Counted when the mailing starts."""
    mailing_started_at: Mapped[datetime | None]
    mailing_finished_at: Mapped[datetime | None]

    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counts the edits: a stale one is rejected."""

    tour: Mapped[Tour | None] = relationship()
    __mapper_args__ = {"version_id_col": version}

    def subject(self, language: str) -> str:
        """Return the mail's subject in the language, or in the nearest that exists."""
        return localized(self.subjects, language) or self.name

    def body(self, language: str) -> str:
        """Return the mail's text in the language, or in the nearest that exists."""
        return localized(self.bodies, language)

    def __repr__(self) -> str:
        return f"<Campaign {self.id} {self.state}>"


PRICE_CAUSES = ("campaign", "demand", "restore", "manual")


class PriceChange(Model):
    """One change of the price of a tour. A job that runs twice for one `period` (such as `2026-W48`) writes once."""

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
