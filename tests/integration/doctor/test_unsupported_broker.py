"""Every process and `flask doctor` name the version that the broker needs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gnb.config import ROOT, Settings
from tests.integration.doctor.conftest import Examine
from tests.integration.engine.fronts import Front, as_redis_6_2
from tests.servers import Broker, on_sqlite

pytestmark = on_sqlite

NEEDED = "the broker is Redis 6.2.4; Redis 7.0, Valkey 7.2 or later is needed"
COMMANDS = {
    "worker": ["-m", "flask", "jobs", "worker", "email"],
    "rq worker": ["-m", "rq.cli", "worker", "--config", "gnb.rq_settings", "--worker-class", "gnb.queueing.Worker"],
    "scheduler": ["-m", "flask", "jobs", "scheduler"],
}


@pytest.fixture
def old(broker: Broker) -> Iterator[str]:
    """The URL of a broker that is too old."""
    with Front(broker.server.port, as_redis_6_2) as front:
        yield front.url


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_process_says_once_what_the_broker_needs_and_ends(settings: Settings, old: str, kind: str) -> None:
    own = {"APP_ENV": "testing", "SECRET_KEY": "k" * 32, "DATABASE_URL": settings.database_url, "REDIS_URL": old}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **own}
    command = [sys.executable, *COMMANDS[kind]]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert output.count(NEEDED) == 1, output
    assert "Traceback" not in output


def test_the_doctor_names_the_version_that_is_needed(examine: Examine, old: str) -> None:
    finding = examine("--before-start", redis_url=old)["broker"]
    assert (finding["state"], finding["message"]) == ("problem", NEEDED)
    assert finding["remedy"] == "Use Redis 7.0, Valkey 7.2 or later"
