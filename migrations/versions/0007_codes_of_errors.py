"""The codes of errors.

Exports and deliveries store the code and the params of their error, so that a page shows it in the reader's language.
Rows from before have only its English text.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-27 16:20:00
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = ("exports", "deliveries")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("error_code", sa.String(80)))
        op.add_column(table, sa.Column("error_params", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "error_params")
        op.drop_column(table, "error_code")
