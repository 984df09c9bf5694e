"""Transfers driven before bookings were kept here, from which the delay model learns.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-27 19:20:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instants = ("pickup_at", "arrival_at", "actual_arrival_at", "imported_at")
    op.create_table(
        "past_trips",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tour_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in instants),
        sa.CheckConstraint("arrival_at > pickup_at", name=op.f("ck_past_trips_arrival_at")),
        sa.ForeignKeyConstraint(
            ["tour_id"], ["tours.id"], name=op.f("fk_past_trips_tour_id_tours"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_trips")),
        sa.UniqueConstraint(
            "tour_id",
            "pickup_at",
            "actual_arrival_at",
            name=op.f("uq_past_trips_tour_id_pickup_at_actual_arrival_at"),
        ),
    )


def downgrade() -> None:
    op.drop_table("past_trips")
