"""A real Prometheus scrapes the running application, and every panel of the dashboard has something to show."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gnb import create_app
from gnb.broker import end_with_parent
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.services import queue_service
from gnb.services.ai import usage
from tests.servers import Broker, free_port

ROOT = Path(__file__).parents[3]
DASHBOARD = json.loads((ROOT / "ops/grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(f"{panel['title']} ({target['refId']})", target["expr"]) for panel in PANELS for target in panel["targets"]]
TOKEN = "a token for the scraper"


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing; install it with: apt-get install -y prometheus"
    return found


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What the condition gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"still not so after {seconds} s")


class Installation:
    """Web processes, a worker for all queues, a scheduler and a Prometheus beside them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port, self.prometheus_port = free_port(), free_port()
        broker = Broker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        self.variables = {
            "APP_ENV": "testing",
            "SECRET_KEY": "a key for tests, long enough to sign",
            "DATABASE_URL": f"sqlite:///{folder / 'gnb.db'}",
            "REDIS_URL": broker.url,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
            "METRICS_TOKEN": TOKEN,
            "LOG_LEVEL": "error",
        }
        self.app = create_app(Settings.from_env(self.variables))
        with self.app.app_context():
            db.create_all()
        self._folder, self._stack = folder, stack

    def start(self) -> None:
        bin_folder = Path(sys.executable).parent
        self._run(bin_folder / "gunicorn", "wsgi:app")
        self._run(bin_folder / "flask", "jobs", "worker", "--all")
        self._run(bin_folder / "flask", "jobs", "scheduler")
        until(self._leads)
        (self._folder / "token").write_text(TOKEN)
        config = (
            (ROOT / "ops/prometheus/prometheus.yml").read_text().replace("127.0.0.1:5000", f"127.0.0.1:{self.port}")
        )
        config = config.replace("15s", "1s").replace("alerts.yml", str(ROOT / "ops/prometheus/alerts.yml"))
        config = config.replace("# authorization:", "authorization:").replace(
            "#   credentials_file:", "  credentials_file:"
        )
        config = config.replace("/etc/prometheus/gnb-metrics-token", str(self._folder / "token"))
        (self._folder / "prometheus.yml").write_text(config)
        self._run(
            program("prometheus"),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'series'}",
            f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
        )

    def work(self) -> None:
        """Jobs and requests, until Prometheus has seen their counts rise for a while."""
        for _ in range(5):
            with self.app.app_context():
                for _ in range(3):
                    queue_service.add_scheduled_job("update-sitemap")
                engine().counters.add("bookings_created", "paid")
                usage.record("gpt-4o-mini", SimpleNamespace(prompt_tokens=1000, completion_tokens=200))
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/login", timeout=10).read()
            before = self.scrapes()
            until(lambda before=before: self.scrapes() > before + 1)  # type: ignore[misc]

    def scrapes(self) -> float:
        """How often the application was scraped with success."""
        return float(next(iter(self.ask("sum(count_over_time(queue_broker_up[10m]))")), {"value": [0, 0]})["value"][1])

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus answers."""
        url = f"http://127.0.0.1:{self.prometheus_port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                return []
            raise AssertionError(f"{query}: {error.read().decode()}") from error
        except OSError:
            return []

    def _leads(self) -> bool:
        with self.app.app_context():
            return bool(engine().schedules.leader() and len(engine().workers()) and engine().schedules.list())

    def _run(self, *command: object) -> None:
        environment = {**os.environ, **self.variables, "TMPDIR": str(self._folder)}
        log = (self._folder / "log").open("ab")
        process = subprocess.Popen(
            list(map(str, command)), env=environment, cwd=ROOT, stdout=log, stderr=log, preexec_fn=end_with_parent
        )
        self._stack.callback(process.wait, 60)
        self._stack.callback(process.terminate)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with ExitStack() as stack:
        installation = Installation(tmp_path_factory.mktemp("installation"), stack)
        installation.start()
        until(installation.scrapes)
        installation.work()
        yield installation


def test_every_panel_has_something_to_show(installation: Installation) -> None:
    empty = []
    for panel, query in QUERIES:
        asked = query.replace("$queue", ".+").replace("$__rate_interval", "1m")
        assert "$" not in asked
        if not any(math.isfinite(float(row["value"][1])) for row in installation.ask(asked)):
            empty.append((panel, asked))
    assert len(QUERIES) > 30
    assert empty == []


def test_prometheus_sees_what_the_workers_have_done(installation: Installation) -> None:
    def completed() -> float:
        rows = installation.ask('queue_jobs_processed_total{queue="scheduled",status="completed"}')
        return float(rows[0]["value"][1])

    until(lambda: completed() >= 15, 30)
    assert installation.ask("queue_broker_up")[0]["value"][1] == "1"
    assert installation.ask("queue_scheduler_leading")[0]["value"][1] == "1"


def test_no_alert_is_raised_while_all_is_well(installation: Installation) -> None:
    assert installation.ask('ALERTS{severity="critical"}') == []


def test_the_alerts_are_raised_when_they_should_be_and_not_else() -> None:
    command = [program("promtool"), "test", "rules", str(ROOT / "ops/prometheus/alerts_test.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_of_prometheus_holds() -> None:
    command = [program("promtool"), "check", "config", str(ROOT / "ops/prometheus/prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_has_a_number_and_a_place_of_its_own() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert(installation: Installation) -> None:
    used = json.dumps(DASHBOARD) + (ROOT / "ops/prometheus/alerts.yml").read_text()
    rows = installation.ask('count by (__name__) ({__name__=~"queue_.+|bookings_.+|auth_.+|language_model_.+"})')
    names = {re.sub(r"_(bucket|sum|count)$", "", row["metric"]["__name__"]) for row in rows}
    assert len(names) > 15
    assert {name for name in names if name not in used} == set()
