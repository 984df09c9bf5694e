"""currency in the index of revenue.

Revenue is added up by day, tour and currency: with the currency in the index, SQLite reads the index alone.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-25 10:20:00
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = ["travel_date", "tour_id", "status", "amount"]


def upgrade() -> None:
    op.drop_index("ix_bookings_revenue", table_name="bookings")
    op.create_index("ix_bookings_revenue", "bookings", [*_COLUMNS, "currency"])


def downgrade() -> None:
    op.drop_index("ix_bookings_revenue", table_name="bookings")
    op.create_index("ix_bookings_revenue", "bookings", _COLUMNS)
