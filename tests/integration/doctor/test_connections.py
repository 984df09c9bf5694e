"""No worker process and no scheduler opens more connections than `flask doctor` counts for it."""

from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest
from flask import Flask
from sqlalchemy.pool import QueuePool

from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import AlertRule, Booking
from gnb.services import notifications
from gnb.services.doctor import database
from gnb.services.queue_service import add_email_job, add_export_job
from tests.business import make_tour, new_booking
from tests.integration.engine.conftest import Workers
from tests.servers import Postgres, on_postgresql

pytestmark = on_postgresql


def _export_of_many() -> None:
    tour = make_tour()
    for number in range(3000):
        new_booking(tour, passengers=[], amount=Decimal(number))
    db.session.commit()
    for name in ("bookings-csv", "revenue-csv", "revenue-pdf"):
        add_export_job(name)


def _mails() -> None:
    for number in range(30):
        add_email_job("send-email", {"to": f"a{number}@example.com", "subject": "x", "text": "y"})


@pytest.mark.parametrize(
    ("queue", "enqueue", "most"),
    [("export", _export_of_many, database.EXPORT), ("email", _mails, database.JOB)],
)
def test_a_worker_process_keeps_within_what_is_counted_for_it(
    app: Flask, settings: Settings, postgres: Postgres, queue: str, enqueue: Callable[[], None], most: int
) -> None:
    enqueue()
    assert db.session.query(Booking).count() in (0, 3000)
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine(), queues=(queue,), burst=True)
    seen = set()
    question = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    name = settings.database_url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres.folder}", autocommit=True) as connection:
        while sum(stats.waiting + stats.active for stats in engine().stats()):
            row = connection.execute(question, [name]).fetchone()
            seen.add(row[0] if row else 0)
    assert workers.wait() == 0
    assert 1 <= max(seen) <= most


def test_the_alert_checks_of_a_scheduler_keep_within_what_is_counted_for_it(app: Flask) -> None:
    db.session.add(AlertRule(channel="mail", target="ops@example.com", kinds={"no_workers": True}))
    db.session.commit()
    db.session.remove()
    db.engine.dispose()
    notifications.check()
    db.session.remove()
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedin() == database.SCHEDULER
