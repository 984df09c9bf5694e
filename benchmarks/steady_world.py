"""The installation that runs steadily: broker, database with demo data, mail server, the processes of the Procfile."""

from __future__ import annotations

import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask

from benchmarks.processes import PYTHON, Progress, processor_seconds, running
from gnb import create_app
from gnb.broker import EmbeddedBroker
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import User
from gnb.services.accounts import tokens
from tests.servers import free_port

PASSWORD = "steady as she goes 4711"
ADMIN = "admin@gnb-transfer.example"
FLASK = (PYTHON, "-m", "flask", "--app", "wsgi:app")


@dataclass(frozen=True)
class World:
    """Where things are. `pids`: the first process of each kind."""

    app: Flask
    port: int
    token: str
    database: Path
    pids: dict[str, int]


@contextmanager
def world(**settings: str) -> Iterator[World]:
    """All of it, for the block; `settings` are added to the environment."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        broker = stack.enter_context(EmbeddedBroker(folder / "broker"))
        database, port, mail_port = folder / "gnb.db", free_port(), free_port()
        environment = _environment(broker.url, database, port, mail_port) | settings
        app = create_app(Settings.from_env({**os.environ, **environment}))
        with app.app_context():
            token = _fill(app)
        commands = {
            "mail server": [PYTHON, "-m", "benchmarks.mail_work", "serve", str(mail_port)],
            "web": [PYTHON, "-m", "gunicorn", "wsgi:app"],
            "workers": [*FLASK, "jobs", "worker", "--all"],
            "scheduler": [*FLASK, "jobs", "scheduler"],
        }
        pids = {"broker": broker.pid or 0}
        for kind, command in commands.items():
            pids[kind] = stack.enter_context(running(command, broker.url, **environment)).pid
        _wait_for_web(port, pids["web"])
        del pids["mail server"]  # a peer, and no part of the project
        yield World(app, port, token, database, pids)


def _environment(broker: str, database: Path, port: int, mail_port: int) -> dict[str, str]:
    return {
        "APP_ENV": "testing",
        "SECRET_KEY": "only-for-the-benchmark-of-a-steady-day",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": broker,
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "LOG_LEVEL": "warning",
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_port),
        **{f"{queue}_RATE_LIMIT": "none" for queue in ("EXPORT", "EMAIL", "EMAIL_RECIPIENT", "AI", "SCHEDULED")},
    }


def _fill(app: Flask) -> str:
    """Migrates, loads the demo data; an administrator's token."""
    from flask_migrate import upgrade

    upgrade()
    loaded = app.test_cli_runner().invoke(args=["demo", "load", "--bookings", "5000", "--staff-password", PASSWORD])
    if loaded.exit_code:
        raise RuntimeError(loaded.output)
    admin = db.session.scalars(db.select(User).filter_by(email=ADMIN)).one()
    token = tokens.issue(admin, timedelta(days=1))
    db.session.remove()
    db.engine.dispose()
    return token


def _wait_for_web(port: int, pid: int) -> None:
    progress = Progress()
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (OSError, urllib.error.HTTPError):
            progress.check(processor_seconds(pid))
            time.sleep(0.2)
