"""exports as XLSX.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-27 15:50:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BEFORE = "'bookings-csv', 'users-csv', 'revenue-csv', 'bookings-pdf', 'revenue-pdf'"
_NEW = "'bookings-xlsx', 'users-xlsx', 'revenue-xlsx'"


def upgrade() -> None:
    _allow(f"{_BEFORE}, {_NEW}")


def downgrade() -> None:
    op.execute(sa.text(f"DELETE FROM export_chunks WHERE export_id IN (SELECT id FROM exports WHERE type IN ({_NEW}))"))  # noqa: S608 - words of this file
    op.execute(sa.text(f"DELETE FROM exports WHERE type IN ({_NEW})"))  # noqa: S608 - words of this file
    _allow(_BEFORE)


def _allow(types: str) -> None:
    """SQLite changes a check by making the table anew, and forgets the other checks unless they are named."""
    kept = (
        []
        if op.get_bind().dialect.name == "postgresql"
        else [
            sa.CheckConstraint(
                "state IN ('waiting', 'active', 'completed', 'failed', 'removed')", name=op.f("ck_exports_state")
            ),
            sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_exports_language")),
            sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_exports_progress")),
            sa.CheckConstraint("state <> 'completed' OR file_key IS NOT NULL", name=op.f("ck_exports_file_key")),
        ]
    )
    with op.batch_alter_table("exports", schema=None, table_args=kept) as batch_op:
        if not kept:
            batch_op.drop_constraint(op.f("ck_exports_type"), type_="check")
        batch_op.create_check_constraint(op.f("ck_exports_type"), f"type IN ({types})")
