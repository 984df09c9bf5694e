"""The migrations make what the models say, on both databases, and can be taken back."""

import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from gnb.models import db


def test_migrations_go_down_to_nothing_and_up_again(app: Flask) -> None:
    before = _schema()

    downgrade(revision="base")
    assert sa.inspect(db.engine).get_table_names() == ["alembic_version"]

    upgrade()
    assert _schema() == before
    assert set(before) == {*db.metadata.tables, "alembic_version"}


def test_models_ask_for_nothing_that_the_migrations_lack(app: Flask) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_migrations_keep_the_checks_of_the_models(app: Flask) -> None:
    inspector = sa.inspect(db.engine)
    for name, table in db.metadata.tables.items():
        wanted = {str(check.name) for check in table.constraints if isinstance(check, sa.CheckConstraint)}
        assert {check["name"] for check in inspector.get_check_constraints(name)} == wanted


def _schema() -> dict[str, object]:
    inspector = sa.inspect(db.engine)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)],
            sorted(index["name"] or "" for index in inspector.get_indexes(name)),
            sorted(check["name"] or "" for check in inspector.get_check_constraints(name)),
            sorted(key["name"] or "" for key in inspector.get_foreign_keys(name)),
        )
        for name in sorted(inspector.get_table_names())
    }
