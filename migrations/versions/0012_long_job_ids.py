"""Exports keep job ids of every length that the engine allows, which is 200.

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-28 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _resize(200)


def downgrade() -> None:
    op.execute("UPDATE exports SET job_id = substr(job_id, 1, 100)")
    _resize(100)


def _resize(length: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("exports", "job_id", type_=sa.String(length))
        return
    # SQLite cannot change a column's type, and replacing the table would delete the files' chunks with it.
    op.add_column("exports", sa.Column("new_job_id", sa.String(length), nullable=True))
    op.execute("UPDATE exports SET new_job_id = job_id")
    op.drop_index("ix_exports_job_id", "exports")
    op.drop_column("exports", "job_id")
    op.execute("ALTER TABLE exports RENAME COLUMN new_job_id TO job_id")
    op.create_index("ix_exports_job_id", "exports", ["job_id"])
