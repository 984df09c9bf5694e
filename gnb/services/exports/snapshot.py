"""The database as it was at one moment, for as long as it takes to read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection of its own whose queries all see the same moment, and which writes nothing.

    SQLite's driver opens no transaction for reading by itself: each query would see a moment of its own.
    """
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            # Just-in-time compilation costs more than it gains on rows that are only passed on.
            connection.exec_driver_sql("SET LOCAL jit = off")
            yield connection
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()
