"""An installation for the faults to happen to: a database, a mail server, and an administrator who may enqueue."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.config import Settings
from gnb.extensions import engine
from gnb.models import Delivery, User, db
from gnb.queueing import QueueStats, QueueUnavailable
from gnb.services.accounts import tokens
from tests.fault_table import Fault
from tests.faults.release import Answer, Release
from tests.integration.engine.conftest import Workers, wait_for
from tests.mail_server import MailServer

MAIL_PATH = "/api/v1/admin/jobs/email"


@pytest.fixture
def started() -> Iterator[list[Workers]]:
    """Workers that a test starts; those that still run are killed after it."""
    processes: list[Workers] = []
    yield processes
    for workers in processes:
        if workers.pid:
            workers.kill()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server that behaves."""
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def settings(settings: Settings, mail_server: MailServer) -> Settings:
    """Mail goes to the test's own server, as fast as it can."""
    return replace(
        settings,
        email_provider="smtp",
        smtp_host="127.0.0.1",
        smtp_port=mail_server.port,
        rate_limits=dict.fromkeys(settings.rate_limits, "none"),
    )


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    """The same settings for processes of their own."""
    return {
        "APP_ENV": "testing",
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_RATE_LIMIT": "none",
        "EMAIL_RECIPIENT_RATE_LIMIT": "none",
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": settings.smtp_host,
        "SMTP_PORT": str(settings.smtp_port),
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "error",
    }


@pytest.fixture
def install(tmp_path: Path, variables: dict[str, str]) -> Iterator[Callable[[], Release]]:
    """Installs one more release; its processes end with the test."""
    installed: list[Release] = []

    def install_one() -> Release:
        installed.append(Release(tmp_path / f"release-{len(installed) + 1}", variables))
        return installed[-1]

    yield install_one
    for release in installed:
        release.stop()


@pytest.fixture
def token(app: Flask) -> str:
    """An administrator's bearer token."""
    admin = User(email="admin@example.com", name="Admin", role="admin")
    db.session.add(admin)
    db.session.commit()
    return tokens.issue(admin, timedelta(hours=2))


def message(number: int) -> dict[str, Any]:
    """A job that mails somebody nobody else mails."""
    return {"type": "send-email", "data": {"to": _address(number), "subject": "Hello", "text": "Hello."}}


def _address(number: int) -> str:
    return f"guest{number}@example.com"


def judge(fault: Fault, accepted: Sequence[Answer], server: MailServer) -> None:
    """Writes down how many of the accepted messages never came, and how many came more than once."""
    times = Counter(server.recipients)
    wanted = [_address(answer.number) for answer in accepted]
    fault.jobs = len(wanted)
    fault.lost = sum(not times[recipient] for recipient in wanted)
    fault.doubled = sum(count > 1 for count in times.values())


def when_done(seconds: float = 60) -> QueueStats:
    """The email queue's counts, once nothing is left to be done."""

    def unless_busy() -> QueueStats | None:
        try:
            stats = next(each for each in engine().stats() if each.name == "email")
        except QueueUnavailable:
            return None
        return None if stats.waiting or stats.active or stats.delayed else stats

    found: QueueStats = wait_for(unless_busy, seconds)
    return found


def longest_pause(since: float) -> float:
    """Seconds of the longest time without a message being sent, between `since` and the last one."""
    moments = [moment.timestamp() for moment in db.session.scalars(sa.select(Delivery.sent_at)) if moment]
    db.session.rollback()
    later = [since, *sorted(moment for moment in moments if moment > since)]
    return max((after - before for before, after in itertools.pairwise(later)), default=0.0)
