"""mail of registration.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-25 10:20:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BEFORE = (
    "'email', 'booking-confirmation', 'payment-confirmation', 'booking-cancellation', 'campaign-notification', "
    "'password-reset', 'weekly-report'"
)
_NEW = "'registration', 'account-exists'"


def upgrade() -> None:
    _allow(f"{_BEFORE}, {_NEW}")


def downgrade() -> None:
    op.execute(sa.text(f"DELETE FROM deliveries WHERE kind IN ({_NEW})"))  # noqa: S608 - words of this file
    _allow(_BEFORE)


def _allow(kinds: str) -> None:
    """SQLite changes a check by recreating the table, and loses the other checks unless they are named."""
    kept = (
        []
        if op.get_bind().dialect.name == "postgresql"
        else [
            sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_deliveries_language")),
            sa.CheckConstraint(
                "state IN ('queued', 'sending', 'sent', 'failed', 'suppressed')", name=op.f("ck_deliveries_state")
            ),
        ]
    )
    with op.batch_alter_table("deliveries", schema=None, table_args=kept) as batch_op:
        if not kept:
            batch_op.drop_constraint(op.f("ck_deliveries_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_deliveries_kind"), f"kind IN ({kinds})")
