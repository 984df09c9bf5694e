"""Acknowledged alerts and the rules of notifications.

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-27 19:30:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert_states",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("checked_at", _MOMENT, nullable=False),
        sa.Column("summary", sa.String(500), nullable=False),
        sa.Column("acknowledged_by_id", sa.Integer()),
        sa.Column("acknowledged_until", _MOMENT),
        sa.Column("acknowledged_count", sa.Integer(), nullable=False),
        sa.Column("notified", _JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["acknowledged_by_id"],
            ["users.id"],
            name="fk_alert_states_acknowledged_by_id_users",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_alert_states"),
    )
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("queue", sa.String(50)),
        sa.Column("kinds", _JSON, nullable=False),
        sa.Column("error", sa.String(500)),
        sa.Column("notified_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by_id", sa.Integer()),
        sa.CheckConstraint("channel IN ('mail', 'webhook')", name="channel"),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name="fk_alert_rules_created_by_id_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_alert_rules"),
    )


def downgrade() -> None:
    op.drop_table("alert_rules")
    op.drop_table("alert_states")
