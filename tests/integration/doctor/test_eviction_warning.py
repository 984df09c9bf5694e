"""Web and worker processes warn of a broker that may evict jobs, and start all the same while it is unreachable."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gnb.config import ROOT, Settings
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port, on_sqlite

pytestmark = on_sqlite

WARNING = "the broker may evict jobs: its maxmemory-policy is allkeys-lru; set it to noeviction"
COMMANDS = {"web": ["-m", "gunicorn", "wsgi:app"], "worker": ["-m", "flask", "jobs", "worker", "email"]}
STARTED = {"web": "Booting worker", "worker": "started as process"}
UNREACHABLE = {
    "web": ("Booting worker", "the broker's eviction policy is not known"),
    "worker": ("the broker at 127.0.0.1:1 cannot be used: ",),
}

Start = Callable[..., Path]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts a process of the Procfile in a session of its own; gives the file that its output goes to."""
    started: list[subprocess.Popen[bytes]] = []

    def start(kind: str, redis_url: str = settings.redis_url) -> Path:
        own = {"APP_ENV": "testing", "SECRET_KEY": "k" * 32, "PORT": str(free_port()), "WEB_CONCURRENCY": "2"}
        own |= {"DATABASE_URL": settings.database_url, "REDIS_URL": redis_url, "LOG_LEVEL": "debug"}
        log = tmp_path / f"{kind}.log"
        with log.open("wb") as output:
            command = [sys.executable, *COMMANDS[kind]]
            env = {"PATH": os.environ["PATH"], **own}
            started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output))
        return log

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("kind", COMMANDS)
def test_one_line_warns_of_eviction(start: Start, client: Any, kind: str) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    log = start(kind)
    wait_for(lambda: STARTED[kind] in log.read_text(), 60)
    assert log.read_text().count(WARNING) == 1


@pytest.mark.parametrize("kind", COMMANDS)
def test_an_unreachable_broker_stops_no_start(start: Start, kind: str) -> None:
    log = start(kind, "redis://127.0.0.1:1/0")
    wait_for(lambda: all(line in log.read_text() for line in UNREACHABLE[kind]), 60)
    assert "Traceback" not in log.read_text()
