"""The migrations make what the models say, on both databases, and can be taken back."""

from decimal import Decimal

import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from gnb.models import Delivery, Tour, db
from gnb.services.mail import ledger
from gnb.services.pricing import new_price_change
from tests.business import make_tour


def test_migrations_go_down_to_nothing_and_up_again(app: Flask) -> None:
    before = _schema()

    downgrade(revision="base")
    assert sa.inspect(db.engine).get_table_names() == ["alembic_version"]

    upgrade()
    assert _schema() == before
    assert set(before) == {*db.metadata.tables, "alembic_version"}


def test_a_price_that_was_set_by_hand_becomes_the_base_price_and_claims_expire(app: Flask) -> None:
    tours = [make_tour(base_price=Decimal(100)) for _ in range(3)]
    for tour, cause in zip(tours, ("manual", "campaign", "demand"), strict=True):
        db.session.add(new_price_change(tour, Decimal(100), Decimal(130), cause, "before"))
    delivery = ledger.plan("email", "ann@example.com", subject="Hello", content={"text": "x"})
    db.session.commit()
    ledger.claim(delivery.id)
    db.session.remove()
    downgrade(revision="0007")
    with db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE tours SET current_price = 13000"))
    upgrade()
    prices = db.session.scalars(sa.select(Tour.base_price).order_by(Tour.id)).all()
    assert prices == [Decimal(130), Decimal(100), Decimal(100)]
    assert db.session.scalars(sa.select(Delivery.claimed_until)).one() is not None


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
