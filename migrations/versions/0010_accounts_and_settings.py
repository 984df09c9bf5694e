"""Issued tokens can be listed; settings and states that nothing used are gone.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-27 19:50:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATES = "'draft', 'active', 'paused', 'ended'"
_OTHER_CHECKS = {
    "mailing_state": "mailing_state IN ('none', 'planning', 'sending', 'paused', 'sent', 'cancelled')",
    "category": "category IN ('transfer', 'tour', 'vip', 'airport', 'city', 'excursion', 'package')",
    "ends_at": "ends_at > starts_at",
    "discount_percent": "discount_percent BETWEEN 0 AND 90",
    "floor_percent": "floor_percent BETWEEN 10 AND 100",
    "min_bookings": "min_bookings IS NULL OR min_bookings >= 0",
    "max_bookings": "max_bookings IS NULL OR max_bookings >= COALESCE(min_bookings, 0)",
}


def upgrade() -> None:
    op.create_table(
        "issued_tokens",
        sa.Column("jti", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_issued_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_issued_tokens")),
    )
    with op.batch_alter_table("issued_tokens") as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_tokens_user_id"), ["user_id"])
        batch_op.create_index(batch_op.f("ix_issued_tokens_expires_at"), ["expires_at"])
    op.drop_column("notification_settings", "bookings")
    op.execute("UPDATE campaigns SET state = 'ended' WHERE state = 'cancelled'")
    _allow(_STATES)


def downgrade() -> None:
    _allow(f"{_STATES}, 'cancelled'")
    op.add_column(
        "notification_settings", sa.Column("bookings", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.drop_table("issued_tokens")


def _allow(states: str) -> None:
    """SQLite changes a check by making the table anew, and forgets the other checks unless they are named."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    kept = (
        []
        if on_postgresql
        else [sa.CheckConstraint(text, name=op.f(f"ck_campaigns_{name}")) for name, text in _OTHER_CHECKS.items()]
    )
    with op.batch_alter_table("campaigns", schema=None, table_args=kept) as batch_op:
        if on_postgresql:
            batch_op.drop_constraint(op.f("ck_campaigns_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_campaigns_state"), f"state IN ({states})")
