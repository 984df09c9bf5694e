"""The database: reachable, migrated, in time, with enough connections for every process."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from gnb.config import Settings
from gnb.extensions import db, settings
from gnb.models import check_writable
from gnb.services.doctor import Finding, cause, compare, ok, problem, warning
from gnb.services.web_processes import THREADS

_ONE_BY_ONE = "Deploy one kind of process after the other, or take a larger database"
REMEDY = "Check DATABASE_URL, that the server runs, and that this machine may reach it"


def check_database() -> Iterator[Finding]:
    """Check version, migrations, connections and clock of the database; only reachability if it is unreachable."""
    try:
        with db.engine.connect() as connection:
            yield _version(connection)
            check_writable(connection)
            yield _migrations(connection)
            if connection.dialect.name == "postgresql":
                yield _room(connection)
                yield _clock(connection)
    except SQLAlchemyError as error:
        yield problem("database", *_outage(error))


def _outage(error: SQLAlchemyError) -> tuple[str, str]:
    if isinstance(getattr(error, "orig", None), sqlite3.Error):
        remedy = "Check DATABASE_URL, that its disk is not full, and the file's owner and mode"
        return f"it cannot be read or written: {cause(error)}", remedy
    return f"it does not answer: {cause(error)}", REMEDY


def _version(connection: sa.Connection) -> Finding:
    if connection.dialect.name == "postgresql":
        return ok("database", f"PostgreSQL {connection.scalar(sa.text('SHOW server_version'))}")
    version, mode = (
        connection.scalar(sa.text("SELECT sqlite_version()")),
        connection.scalar(sa.text("PRAGMA journal_mode")),
    )
    if mode != "wal":
        return warning(
            "database",
            f"SQLite {version} with the journal mode {mode}: readers wait for writers",
            "Put the file on a disk of this machine, not on a network",
        )
    return ok("database", f"SQLite {version}, for processes of this machine alone")


def _migrations(connection: sa.Connection) -> Finding:
    scripts = ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())
    wanted, there = set(scripts.get_heads()), set(MigrationContext.configure(connection).get_current_heads())
    if there == wanted:
        return ok("migrations", f"at the newest, {', '.join(sorted(there))}")
    known = {revision.revision for revision in scripts.walk_revisions()}
    if there - known:
        return problem(
            "migrations",
            f"it is at {', '.join(sorted(there))}, unknown to this release",
            "Run the release that made it, or a newer one",
        )
    at = ", ".join(sorted(there)) or "no migration at all"
    return problem("migrations", f"it is at {at}, not at {', '.join(sorted(wanted))}", "Run: flask db upgrade")


def _room(connection: sa.Connection) -> Finding:
    """Check that the server allows the connections of this configuration, also while two releases run."""
    allowed, reserved = (
        int(connection.scalar(sa.text(f"SHOW {name}")) or 0)
        for name in ("max_connections", "superuser_reserved_connections")
    )
    room, needed = allowed - reserved, most_connections(settings())
    words = f"all processes together open {needed} at most, the server has room for {room}"
    if needed > room:
        remedy = "Lower WEB_CONCURRENCY or the workers' concurrency, or take a larger database"
        return warning("connections", words, remedy)
    if 2 * needed > room:
        return warning("connections", f"{words}: too little for two releases side by side", _ONE_BY_ONE)
    return ok("connections", f"{words}, for two releases side by side too")


def _clock(connection: sa.Connection) -> Finding:
    before = time.time()
    theirs = float(connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
    return compare("database", theirs, before, time.time())


POOL = 15
"""What one process's pool opens at most: `pool_size` and `max_overflow` of flask_settings."""

THREAD = 2
"""Of a web thread: its session's, and one more while a file is downloaded from the database."""

EXPORT = 3
"""Of an export job: its session's, one for the snapshot that it reads, one for the file that it writes."""

JOB = 2
"""Of any other job: its session's, and one for what is written beside it."""

SCHEDULER = 1
"""Of a scheduler: its check of the alerts."""

RELEASE = 1
"""Of `flask db upgrade`."""


def most_connections(chosen: Settings) -> int:
    """Return the largest number of connections that all processes open at once, including one scheduler."""
    web = chosen.web_concurrency * min(THREADS * THREAD, POOL)
    jobs = sum(count * (EXPORT if queue == "export" else JOB) for queue, count in chosen.worker_concurrency.items())
    return web + jobs + SCHEDULER + RELEASE
