"""How SQLite is opened: importing this prepares every connection that SQLAlchemy makes to it."""

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

_PRAGMAS = (
    "busy_timeout = 10000",  # ms that a writer waits for another one's turn to end
    "journal_mode = WAL",  # readers go on while one writes
    "synchronous = NORMAL",  # with WAL safe against a crash of the process, and quick
    "foreign_keys = ON",
)


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
