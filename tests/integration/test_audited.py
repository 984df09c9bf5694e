"""A change in the broker and its entry in the audit agree, or the entry says that nobody knows."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import AuditEntry
from gnb.queueing.errors import InvalidJobState, QueueUnavailable
from gnb.services.audit import audited
from gnb.services.queues import actions
from tests.servers import Postgres, on_postgresql, on_sqlite

Away = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def database_away(app: Flask, postgres: Postgres) -> Away:
    """A block in which the database lets nobody in and has thrown everybody out."""
    name = db.engine.url.database

    @contextmanager
    def away() -> Iterator[None]:
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            yield
        finally:
            postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    return away


def entries() -> list[AuditEntry]:
    return list(db.session.scalars(sa.select(AuditEntry)))


def test_a_change_has_one_entry_with_what_came_of_it(app: Flask) -> None:
    queue = engine().queue("email")
    ids = [queue.enqueue("send-email", {"deliveryId": number}).id for number in (1, 2)]
    assert actions.change_jobs("remove", "email", ids) == 2
    [entry] = entries()
    assert (entry.action, entry.target, entry.count, entry.details) == ("job.remove", "email", 2, {"ids": ids})


@on_sqlite
def test_what_the_engine_refuses_leaves_no_entry(app: Flask) -> None:
    job = engine().queue("email").enqueue("send-email", {"deliveryId": 1})
    with pytest.raises(InvalidJobState):
        actions.change_job("retry", "email", job.id)
    assert entries() == []


@on_postgresql
def test_nothing_changes_while_the_database_is_away(database_away: Away) -> None:
    with database_away(), pytest.raises(sa.exc.OperationalError):
        actions.change_queue("pause", "email")
    db.session.rollback()
    assert [stats.paused for stats in engine().stats() if stats.name == "email"] == [False]
    assert entries() == []


@on_postgresql
def test_a_database_that_goes_away_in_between_leaves_an_entry_that_says_asked(database_away: Away) -> None:
    away = database_away()
    with audited(None, "queue.pause", "email"):
        engine().queue("email").pause()
        away.__enter__()
    away.__exit__(None, None, None)
    assert [stats.paused for stats in engine().stats() if stats.name == "email"] == [True]
    [entry] = entries()
    assert (entry.count, entry.details) == (0, {"outcome": "asked"})


@on_sqlite
def test_a_broker_that_goes_away_in_between_leaves_an_entry_that_says_asked(app: Flask) -> None:
    with pytest.raises(QueueUnavailable), audited(None, "queue.drain", "email", {"why": "test"}):
        raise QueueUnavailable("the broker does not answer: TimeoutError")
    [entry] = entries()
    assert (entry.count, entry.details) == (0, {"why": "test", "outcome": "asked"})
