"""What is sold: transfers, tours and what can be added to them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import DEFAULT_LANGUAGE, Model, localized, now, one_of

CATEGORIES = ("transfer", "tour", "vip", "airport", "city", "excursion", "package")
CURRENCIES = ("EUR", "GBP", "TRY", "USD")


class Tour(Model):
    """One product. What is charged is computed from `base_price` by campaigns and demand (`services/pricing`)."""

    __tablename__ = "tours"
    __table_args__ = (
        one_of("category", CATEGORIES),
        one_of("currency", CURRENCIES),
        sa.CheckConstraint("base_price > 0", name="base_price"),
        sa.CheckConstraint("max_passengers BETWEEN 1 AND 50", name="max_passengers"),
        sa.CheckConstraint("daily_seats IS NULL OR daily_seats > 0", name="daily_seats"),
        sa.CheckConstraint("duration_minutes > 0", name="duration_minutes"),
        sa.CheckConstraint("distance_km IS NULL OR distance_km >= 0", name="distance_km"),
        sa.Index(None, "active", "category"),
        sa.Index(None, "city"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(100), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    """The name for staff, in English: what exports, reports and admin lists show."""
    titles: Mapped[dict[str, str]] = mapped_column(default=dict)
    descriptions: Mapped[dict[str, str]] = mapped_column(default=dict)
    category: Mapped[str] = mapped_column(sa.String(20))
    city: Mapped[str] = mapped_column(sa.String(80))
    airport: Mapped[str | None] = mapped_column(sa.String(3))
    """IATA code of the airport it starts or ends at, if any."""
    origin: Mapped[str] = mapped_column(sa.String(120))
    """Where it starts: the IATA code of an airport, otherwise a town or a place."""
    destination: Mapped[str] = mapped_column(sa.String(120))
    """Where it ends, in the same form. `place_name` gives both their names in a language."""
    distance_km: Mapped[int | None]
    duration_minutes: Mapped[int]
    max_passengers: Mapped[int] = mapped_column(default=8)
    """The largest party that one booking may bring."""
    daily_seats: Mapped[int | None]
    """Seats for sale on one day, None when not counted; `Departure` counts those taken."""
    base_price: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counts the edits: a stale one is rejected."""

    departures: Mapped[list[Departure]] = relationship(back_populates="tour", passive_deletes=True)
    __mapper_args__ = {"version_id_col": version}

    def listed(self, language: str) -> str:
        """Return the name for lists of staff: the title if the language is not English and has one."""
        return self.name if language == DEFAULT_LANGUAGE else self.titles.get(language) or self.name

    def title(self, language: str) -> str:
        """Return the title in the language, or in the nearest that exists."""
        return localized(self.titles, language) or self.name

    def description(self, language: str) -> str:
        """Return the description in the language, or in the nearest that exists."""
        return localized(self.descriptions, language)

    def __repr__(self) -> str:
        return f"<Tour {self.id} {self.slug}>"


class Departure(Model):
    """The seats of one tour on one day; the check makes overselling impossible whatever the code does."""

    __tablename__ = "departures"
    __table_args__ = (
        sa.UniqueConstraint("tour_id", "departs_on"),
        sa.CheckConstraint("seats_taken >= 0 AND seats_taken <= seats", name="seats_taken"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tour_id: Mapped[int] = mapped_column(sa.ForeignKey("tours.id", ondelete="CASCADE"))
    departs_on: Mapped[date]
    """The calendar day in Europe/Istanbul."""
    seats: Mapped[int]
    seats_taken: Mapped[int] = mapped_column(default=0)

    tour: Mapped[Tour] = relationship(back_populates="departures")


class Extra(Model):
    """Something that can be added to a booking, at its price of today."""

    __tablename__ = "extras"
    __table_args__ = (
        one_of("currency", CURRENCIES),
        sa.CheckConstraint("price >= 0", name="price"),
        sa.CheckConstraint("max_quantity > 0", name="max_quantity"),
    )

    code: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    titles: Mapped[dict[str, str]] = mapped_column(default=dict)
    price: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    max_quantity: Mapped[int] = mapped_column(default=1)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)

    def title(self, language: str) -> str:
        """Return the title in the language, or in the nearest that exists."""
        return localized(self.titles, language) or self.code
