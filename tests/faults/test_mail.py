"""Workers are killed while they send a campaign: no message is lost, and one comes twice in the named window only."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.config import Settings
from gnb.models import Delivery, User, db
from gnb.services import email_service
from gnb.services.mail import campaigns, ledger, planning
from tests.business import make_campaign
from tests.mail_server import MailServer
from tests.servers import on_sqlite

pytestmark = [pytest.mark.faults, on_sqlite, pytest.mark.timeout(600)]

MESSAGES = 1000
KILLS = 12
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that behaves."""
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    """Mail goes to the test's own server, as fast as it can."""
    return replace(settings, email_provider="smtp", smtp_host="127.0.0.1", smtp_port=server.port)


def start_workers(settings: Settings) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "APP_ENV": "testing",
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_RATE_LIMIT": "none",
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": settings.smtp_host,
        "SMTP_PORT": str(settings.smtp_port),
        "LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "jobs", "worker", "email", "--concurrency", "2"]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def sent() -> int:
    count = db.session.scalar(sa.select(sa.func.count()).where(Delivery.state == "sent")) or 0
    db.session.rollback()
    return count


def test_workers_killed_while_they_send_lose_nothing(app: Flask, settings: Settings, server: MailServer) -> None:
    db.session.add_all([User(email=f"user{n}@example.com", name=f"User {n}") for n in range(MESSAGES)])
    db.session.commit()
    campaign = make_campaign()
    campaigns.start(campaign)
    planning.follow(campaign.id)
    workers = start_workers(settings)
    killed, deadline = 0, time.monotonic() + 500
    try:
        while (done := sent()) < MESSAGES and time.monotonic() < deadline:
            if killed < KILLS and done > MESSAGES * killed // (KILLS + 1) and (pids := children(workers)):
                with suppress(ProcessLookupError):
                    os.kill(random.choice(pids), signal.SIGKILL)
                killed += 1
            time.sleep(0.05 + random.random() / 20)
        assert sent() == MESSAGES
    finally:
        workers.terminate()
        workers.wait(40)
    times = Counter(server.recipients)
    twice = [recipient for recipient, count in times.items() if count > 1]
    assert len(times) == MESSAGES
    assert killed == KILLS
    # A message comes twice only when its worker died between the server's answer and the commit: at most one a kill,
    # and its row says that it was taken twice.
    assert len(twice) <= KILLS
    taken = dict(db.session.execute(sa.select(Delivery.recipient, Delivery.attempts)).all())
    assert all(taken[recipient] > 1 for recipient in twice)
    assert max(times.values(), default=0) <= 2


def test_a_take_is_longer_than_a_job_and_the_sweep_frees_it(app: Flask) -> None:
    from gnb.services.queues import DEFAULTS

    assert ledger.TAKEN_FOR.total_seconds() > DEFAULTS["email"].timeout + 3
    assert email_service.enqueue_left_behind() == 0
