"""Prices on read, versions of edits, holds of seats, and the end of a sender's claim.

A tour's price is computed from its base price; one that a person had set becomes the base price. Tours and campaigns
count their edits. A pending booking knows until when it holds its seats; a delivery, until when its claim lasts and
when its job was last looked for.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-27 19:30:00
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_CHECKS = {
    "category": "category IN ('transfer', 'tour', 'vip', 'airport', 'city', 'excursion', 'package')",
    "currency": "currency IN ('EUR', 'GBP', 'TRY', 'USD')",
    "base_price": "base_price > 0",
    "daily_seats": "daily_seats IS NULL OR daily_seats > 0",
    "distance_km": "distance_km IS NULL OR distance_km >= 0",
    "duration_minutes": "duration_minutes > 0",
    "max_passengers": "max_passengers BETWEEN 1 AND 50",
}
_SET_BY_HAND = """
    UPDATE tours SET base_price = current_price WHERE id IN (
        SELECT tour_id FROM price_changes
        WHERE cause = 'manual' AND id IN (SELECT MAX(id) FROM price_changes GROUP BY tour_id))
"""


def upgrade() -> None:
    op.execute(sa.text(_SET_BY_HAND))
    with op.batch_alter_table("tours", table_args=_kept()) as batch_op:
        batch_op.drop_constraint(op.f("ck_tours_current_price"), type_="check")
        batch_op.drop_column("current_price")
    for table in ("tours", "campaigns"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("bookings", sa.Column("held_until", sa.DateTime(timezone=True)))
    op.create_index(op.f("ix_bookings_held_until"), "bookings", ["held_until"])
    for column in ("checked_at", "claimed_until"):
        op.add_column("deliveries", sa.Column(column, sa.DateTime(timezone=True)))
    until = sa.bindparam("until", datetime.now(UTC) + timedelta(seconds=70), sa.DateTime(timezone=True))
    claimed = sa.text("UPDATE deliveries SET claimed_until = :until WHERE state = 'sending'")
    op.execute(claimed.bindparams(until))


def downgrade() -> None:
    for column in ("claimed_until", "checked_at"):
        op.drop_column("deliveries", column)
    op.drop_index(op.f("ix_bookings_held_until"), "bookings")
    op.drop_column("bookings", "held_until")
    for table in ("campaigns", "tours"):
        op.drop_column(table, "version")
    with op.batch_alter_table("tours", table_args=_kept()) as batch_op:
        batch_op.add_column(sa.Column("current_price", sa.BigInteger(), nullable=False, server_default="1"))
        batch_op.create_check_constraint(op.f("ck_tours_current_price"), "current_price > 0")
    op.execute(sa.text("UPDATE tours SET current_price = base_price"))


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _kept() -> list[sa.CheckConstraint]:
    """SQLite drops a column of a check by making the table again, and forgets the other checks unless they are named."""
    if not _on_sqlite():
        return []
    return [sa.CheckConstraint(check, name=op.f(f"ck_tours_{name}")) for name, check in _CHECKS.items()]
