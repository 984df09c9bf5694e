"""A customer's booking, who travels on it and what was added to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from gnb.models.base import DEFAULT_LANGUAGE, LANGUAGES, BigId, Model, now, one_of
from gnb.models.tour import CURRENCIES, Tour
from gnb.models.user import User, normalize_email

STATUSES = ("pending", "confirmed", "paid", "completed", "cancelled")
REVENUE_STATUSES = ("confirmed", "paid", "completed")
"""What counts as revenue."""

PAYMENT_METHODS = ("cash", "credit_card", "stripe", "paytr")
PASSENGER_KINDS = ("adult", "child", "infant")
HOME_ZONE = ZoneInfo("Europe/Istanbul")
"""The zone of the local times of pickups."""


def local_day(instant: datetime) -> date:
    """Return the calendar day of an instant in Europe/Istanbul."""
    return instant.astimezone(HOME_ZONE).date()


def local_midnight(day: date) -> datetime:
    """Return the instant at which the day begins in Europe/Istanbul."""
    if day == date.min:
        return datetime.min.replace(tzinfo=UTC)  # it began two hours before the first instant that there is
    return datetime.combine(day, time(), HOME_ZONE)


class Booking(Model):
    """One booking. Setting `pickup_at` sets `travel_date`; bulk inserts have to give both."""

    __tablename__ = "bookings"
    __table_args__ = (
        one_of("status", STATUSES),
        one_of("payment_method", PAYMENT_METHODS),
        one_of("currency", CURRENCIES),
        one_of("language", LANGUAGES),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint(
            "adults >= 1 AND children >= 0 AND infants >= 0 AND adults + children + infants <= 50", name="party"
        ),
        sa.CheckConstraint("arrival_at IS NULL OR arrival_at > pickup_at", name="arrival_at"),
        sa.Index(None, "created_at"),
        sa.Index(None, "status", "travel_date"),
        sa.Index(None, "tour_id", "travel_date"),
        sa.Index("ix_bookings_revenue", "travel_date", "tour_id", "status", "amount", "currency"),
        sa.Index(None, "user_id", "created_at"),
        sa.Index(None, "customer_email"),
        sa.Index(None, "driver_id"),
        sa.Index(None, "held_until"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(16), unique=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    """None for a guest."""
    tour_id: Mapped[int] = mapped_column(sa.ForeignKey("tours.id", ondelete="RESTRICT"))

    customer_name: Mapped[str] = mapped_column(sa.String(200))
    customer_email: Mapped[str] = mapped_column(sa.String(254))
    customer_phone: Mapped[str] = mapped_column(sa.String(20))
    """E.164, with the country code."""
    language: Mapped[str] = mapped_column(sa.String(5), default=DEFAULT_LANGUAGE)
    adults: Mapped[int] = mapped_column(default=1)
    children: Mapped[int] = mapped_column(default=0)
    infants: Mapped[int] = mapped_column(default=0)

    pickup_at: Mapped[datetime]
    travel_date: Mapped[date]
    """The pickup's calendar day in Europe/Istanbul: what reports and date filters go by."""
    pickup_place: Mapped[str] = mapped_column(sa.String(300))
    dropoff_place: Mapped[str | None] = mapped_column(sa.String(300))
    flight_number: Mapped[str | None] = mapped_column(sa.String(10))
    notes: Mapped[str | None] = mapped_column(sa.Text)
    driver_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    vehicle: Mapped[str | None] = mapped_column(sa.String(80))
    """Make and number plate, once a driver is assigned."""

    arrival_at: Mapped[datetime | None]
    """When the transfer is planned to arrive; `actual_…` are filled in by the driver."""
    actual_pickup_at: Mapped[datetime | None]
    actual_arrival_at: Mapped[datetime | None]

    amount: Mapped[Decimal]
    """The whole price, extras included."""
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    payment_method: Mapped[str] = mapped_column(sa.String(20))
    status: Mapped[str] = mapped_column(sa.String(20), default="pending")
    held_until: Mapped[datetime | None]
    """Until when the booking holds its seats while it is pending; None if it holds them until it is cancelled."""
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(80), unique=True)
    request_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """Digest of the body that came with the idempotency key: the same key with another body is rejected."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    paid_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]

    tour: Mapped[Tour] = relationship()
    user: Mapped[User | None] = relationship(foreign_keys=[user_id])
    driver: Mapped[User | None] = relationship(foreign_keys=[driver_id])
    passengers: Mapped[list[Passenger]] = relationship(
        back_populates="booking", order_by="Passenger.position", cascade="all, delete-orphan", passive_deletes=True
    )
    extras: Mapped[list[BookingExtra]] = relationship(
        back_populates="booking", order_by="BookingExtra.code", cascade="all, delete-orphan", passive_deletes=True
    )

    @hybrid_property
    def guests(self) -> int:
        """Everyone travelling, infants included; usable in queries too."""
        return self.adults + self.children + self.infants

    @validates("pickup_at")
    def _set_travel_date(self, _key: str, value: datetime) -> datetime:
        self.travel_date = local_day(value)
        return value

    @validates("customer_email")
    def _normalize_email(self, _key: str, value: str) -> str:
        return normalize_email(value)

    def __repr__(self) -> str:
        return f"<Booking {self.id} {self.reference} {self.status}>"


class Passenger(Model):
    """One traveller, named as in the travel document: Turkish rules want everyone on the list."""

    __tablename__ = "passengers"
    __table_args__ = (one_of("kind", PASSENGER_KINDS),)

    booking_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("bookings.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(10), default="adult")
    nationality: Mapped[str | None] = mapped_column(sa.String(2))
    """ISO 3166-1 alpha-2."""

    booking: Mapped[Booking] = relationship(back_populates="passengers")


class BookingExtra(Model):
    """Something added to a booking, at the price it had when it was booked."""

    __tablename__ = "booking_extras"
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("unit_price >= 0", name="unit_price"),
    )

    booking_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("bookings.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(sa.ForeignKey("extras.code", ondelete="RESTRICT"), primary_key=True)
    quantity: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    unit_price: Mapped[Decimal]

    booking: Mapped[Booking] = relationship(back_populates="extras")

    @property
    def total(self) -> Decimal:
        """What it adds to the booking's amount."""
        return self.unit_price * self.quantity


class PastTrip(Model):
    """A transfer driven before bookings were kept here, from an imported file: the delay model learns from it."""

    __tablename__ = "past_trips"
    __table_args__ = (
        sa.CheckConstraint("arrival_at > pickup_at", name="arrival_at"),
        sa.UniqueConstraint("tour_id", "pickup_at", "actual_arrival_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tour_id: Mapped[int] = mapped_column(sa.ForeignKey("tours.id", ondelete="CASCADE"))
    pickup_at: Mapped[datetime]
    arrival_at: Mapped[datetime]
    """Planned, as `pickup_at` is."""
    actual_arrival_at: Mapped[datetime]
    imported_at: Mapped[datetime] = mapped_column(default=now)
