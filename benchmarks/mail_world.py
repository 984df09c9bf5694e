"""The application that the mail benchmark sends from: a SQLite file, a broker and a mail server of its own."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from benchmarks.broker import broker
from benchmarks.processes import PYTHON, Progress, processor_seconds, running
from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import Campaign, Delivery, User, now
from tests.servers import free_port

BODY = "Hello {name},\n\nthis spring every transfer costs 15% less: https://gnb-transfer.example/tours\n\nSee you soon"


@dataclass(frozen=True)
class World:
    """Where things are; `environment` makes another process part of it."""

    environment: dict[str, str]
    mail_port: int


@contextmanager
def world(users: int) -> Iterator[World]:
    """A world with so many customers; this process is in its application's context within the block."""
    with broker() as url, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {
            "APP_ENV": "testing",
            "SECRET_KEY": "only-for-the-benchmark-of-mail",
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'gnb.db'}",
            "REDIS_URL": url,
            "EMAIL_RATE_LIMIT": "none",
            "EMAIL_RECIPIENT_RATE_LIMIT": "none",
            "LOG_LEVEL": "warning",
            "EMAIL_PROVIDER": "smtp",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
        }
        os.environ.update(environment)
        application.cache_clear()
        serve = [PYTHON, "-m", "benchmarks.mail_work", "serve", str(port)]
        with running(serve, url) as server, application().app_context():
            _wait_for(port, server.pid)
            db.create_all()
            _add_users(users)
            yield World(environment, port)
            db.session.remove()
            db.engine.dispose()


@cache
def application() -> Flask:
    """The application of this process's environment."""
    return create_app(Settings.from_env(os.environ))


def add_campaign() -> int:
    """The id of a new campaign to every customer, begun and not yet planned."""
    from gnb.services.mail import campaigns

    campaign = Campaign(
        name="Spring",
        starts_at=now(),
        ends_at=now() + timedelta(days=7),
        discount_percent=15,
        subjects={"en": "Spring offers", "tr": "Bahar fırsatları"},
        bodies={"en": BODY, "tr": BODY},
    )
    db.session.add(campaign)
    db.session.commit()
    campaigns.start(campaign)
    return campaign.id


def sent(campaign_id: int) -> int:
    """How many messages of the campaign are sent."""
    query = sa.select(sa.func.count()).where(Delivery.campaign_id == campaign_id, Delivery.state == "sent")
    count = db.session.scalar(query) or 0
    db.session.rollback()
    return count


def wait_until_sent(campaign_id: int, count: int, patience: float = 300.0) -> tuple[float, int]:
    """When so many were seen to be sent (by `time.perf_counter`), and how many it were. Raises TimeoutError."""
    deadline = time.monotonic() + patience
    while (done := sent(campaign_id)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{done} of {count} messages sent in {patience:.0f} s")
        time.sleep(0.1)
    return time.perf_counter(), done


def one_message() -> bytes:
    """A campaign's message as it goes out."""
    from gnb.services.mail.contents import campaign_content
    from gnb.services.mail.message import Envelope, build

    texts = {"subjects": {"en": "Spring offers"}, "bodies": {"en": BODY}}
    with application().app_context():
        content = campaign_content(
            Campaign(name="Spring", **texts), "en", "Ann Other", "https://example.com/unsubscribe/x"
        )
        return build(Envelope("from@example.com", "to@example.com", "Ann Other", "<1@example.com>", now()), content)


def _wait_for(port: int, pid: int) -> None:
    progress = Progress()
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            progress.check(processor_seconds(pid))
            time.sleep(0.05)


def _add_users(count: int) -> None:
    for start in range(0, count, 10_000):
        rows = [
            {
                "email": f"user{number}@example.com",
                "name": f"User {number}",
                "role": "user",
                "language": "tr" if number % 2 else "en",
                "active": True,
                "token_version": 1,
                "created_at": now(),
            }
            for number in range(start, min(start + 10_000, count))
        ]
        db.session.execute(sa.insert(User), rows)
    db.session.commit()
