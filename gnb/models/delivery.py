"""The ledger of mail: one row for each message, planned with its cause and kept after it left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from gnb.models.base import DEFAULT_LANGUAGE, LANGUAGES, BigId, Model, OptionalJson, now, one_of
from gnb.models.booking import Booking
from gnb.models.campaign import Campaign
from gnb.models.user import User, normalize_email

DELIVERY_STATES = ("queued", "sending", "sent", "failed", "suppressed")
DELIVERY_KINDS = (
    "email",
    "booking-confirmation",
    "payment-confirmation",
    "booking-cancellation",
    "campaign-notification",
    "password-reset",
    "weekly-report",
    "registration",
    "account-exists",
)


class Delivery(Model):
    """One message to one recipient.

    `unique_key` (such as `booking-confirmation:42` or `campaign:7:user:99`) makes planning the same message
    twice one row. A row goes from `queued` to `sending` before the server is contacted, and to `sent` with
    the message id after; `suppressed` is mail that its recipient does not want or that was cancelled.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("kind", DELIVERY_KINDS),
        one_of("state", DELIVERY_STATES),
        one_of("language", LANGUAGES),
        sa.Index(None, "state", "created_at"),
        sa.Index(None, "created_at"),
        sa.Index(None, "campaign_id", "state"),
        sa.Index(None, "booking_id"),
        sa.Index(None, "user_id", "created_at"),
        sa.Index(None, "recipient"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    unique_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    state: Mapped[str] = mapped_column(sa.String(20), default="queued")
    language: Mapped[str] = mapped_column(sa.String(5), default=DEFAULT_LANGUAGE)
    recipient: Mapped[str] = mapped_column(sa.String(254))
    recipient_name: Mapped[str | None] = mapped_column(sa.String(200))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    booking_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("bookings.id", ondelete="CASCADE"))
    campaign_id: Mapped[int | None] = mapped_column(sa.ForeignKey("campaigns.id", ondelete="CASCADE"))
    subject: Mapped[str | None] = mapped_column(sa.String(300))
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the template needs beyond the rows referred to."""
    priority: Mapped[int] = mapped_column(sa.SmallInteger, default=3)
    job_id: Mapped[str | None] = mapped_column(sa.String(100))
    attempts: Mapped[int] = mapped_column(default=0)
    message_id: Mapped[str | None] = mapped_column(sa.String(250))
    provider: Mapped[str | None] = mapped_column(sa.String(20))
    error: Mapped[str | None] = mapped_column(sa.Text)
    """The server's reply, or why it was suppressed, in English; with the next two, the message in any language."""
    error_code: Mapped[str | None] = mapped_column(sa.String(80))
    error_params: Mapped[dict[str, Any] | None] = mapped_column(OptionalJson)
    created_at: Mapped[datetime] = mapped_column(default=now)
    enqueued_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    """When the sweep last found its job in the queue."""
    sending_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    """When the claim of the sender expires."""
    sent_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()
    booking: Mapped[Booking | None] = relationship()
    campaign: Mapped[Campaign | None] = relationship()
    message: Mapped[DeliveryMessage | None] = relationship(back_populates="delivery", passive_deletes=True)

    @validates("recipient")
    def _normalize_recipient(self, _key: str, value: str) -> str:
        return normalize_email(value)

    def __repr__(self) -> str:
        return f"<Delivery {self.id} {self.kind} {self.state}>"


class DeliveryMessage(Model):
    """The message as it was sent, in a table of its own so that lists stay small."""

    __tablename__ = "delivery_messages"

    delivery_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    """RFC 5322, as bytes."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    delivery: Mapped[Delivery] = relationship(back_populates="message")
