"""files are stored as they are.

PostgreSQL spent more time on compressing a file's pieces than on writing them. SQLite does not compress.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-25 10:40:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(storage: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(f"ALTER TABLE export_chunks ALTER COLUMN data SET STORAGE {storage}"))
