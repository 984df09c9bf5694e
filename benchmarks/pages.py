"""What the job API and the admin pages take of the server's time when there are very many jobs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from redis import Redis

from benchmarks.broker import broker
from benchmarks.jobs import BARE, BROKEN, QUEUE
from benchmarks.measure import Measure, Options, at_most, percentile
from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import User
from gnb.queueing import Engine
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from tests.sessions import sign_in

SETTINGS = {
    "server time": "from the request's begin to its answer's end inside one process, SQLite, broker on loopback",
    "commands that block": "what the broker's SLOWLOG holds at a threshold of 10 ms after all of it",
}
FAILED = 5_000
STATES = ("waiting", "active", "completed", "failed", "delayed")
API = "/api/v1/admin/jobs"
KEEP_ALL = {"remove_on_complete": {"age": 86400}, "remove_on_fail": {"age": 86400}}


def run(options: Options) -> list[Measure]:
    """The API with 100,000 and 1,000,000 jobs waiting, a drain of them, and the pages with 100,000 in each state."""
    measures = []
    for waiting in (options.count(100_000, 10_000), options.count(1_000_000, 50_000)):
        with _application() as (client, engine, redis):
            _finish(engine, BROKEN, FAILED)
            _enqueue(engine, waiting)
            redis.slowlog_reset()
            measures += [*_api(client, waiting, options), _drain(client, waiting), _slow(redis, f"{waiting:,} waiting")]
    each = options.count(100_000, 5_000)
    with _application() as (client, engine, redis):
        for type_name in (BROKEN, BARE):
            _finish(engine, type_name, each)
        _enqueue(engine, each)
        _enqueue(engine, each, delay=86400)
        redis.slowlog_reset()
        measures += [*_pages(client, engine, each, options), _slow(redis, f"{each:,} in each state")]
    return measures


def _api(client: FlaskClient, waiting: int, options: Options) -> list[Measure]:
    middle = waiting // 2
    lists = [f"{API}/{QUEUE}/jobs?state={state}&start=0&end=50" for state in STATES]
    deep = f"{API}/{QUEUE}/jobs?state=waiting&start={middle}&end={middle + 50}"
    search = f"{API}/{QUEUE}/jobs?state=waiting&start=0&end=50&q=nothing-has-this"
    return [
        _measure(f"stats, {waiting:,} waiting", [f"{API}/stats"], client, options, 15),
        _measure(f"page of 50 jobs, {waiting:,} waiting", lists, client, options, 40),
        _measure(f"page of 50 jobs from the middle of {waiting:,}", [deep], client, options, 40),
        _measure(f"a step of a search in {waiting:,}", [search], client, options, None),
    ]


def _pages(client: FlaskClient, engine: Engine, each: int, options: Options) -> list[Measure]:
    job = engine.queue(QUEUE).jobs("failed", 0, 1).jobs[0]
    pages = {
        "overview": "/admin/",
        "queues": "/admin/jobs",
        **{f"queue, {state}": f"/admin/jobs/{QUEUE}?state={state}" for state in STATES},
        "failures": f"/admin/jobs/{QUEUE}/failures",
        "job type": f"/admin/jobs/{QUEUE}/types/{BARE}",
        "job": f"/admin/jobs/{QUEUE}/{job.id}",
        "workers": "/admin/workers",
    }
    return [
        _measure(f"page {name}, {each:,} in each state", [path], client, options, 80) for name, path in pages.items()
    ]


def _measure(name: str, paths: list[str], client: FlaskClient, options: Options, goal: float | None) -> Measure:
    """The slowest path's p95."""
    worst = max(percentile(_times(client, path, options.count(100)), 0.95) for path in paths)
    return Measure(name=f"{name}, p95", unit="ms", ours=worst, goal=at_most(goal) if goal else None)


def _times(client: FlaskClient, path: str, count: int) -> list[float]:
    """Milliseconds of so many requests; the first, which compiles the template, is not among them."""
    return [_request(client, path) for _ in range(count + 1)][1:]


def _request(client: FlaskClient, path: str) -> float:
    start = time.perf_counter()
    answer = client.get(path)
    taken = time.perf_counter() - start
    if answer.status_code != 200:
        raise RuntimeError(f"GET {path} answers {answer.status_code}: {answer.text[:200]}")
    return taken * 1000


def _drain(client: FlaskClient, waiting: int) -> Measure:
    start = time.perf_counter()
    answer = client.post(f"{API}/{QUEUE}/drain")
    if answer.status_code != 200 or answer.get_json()["data"]["count"] != waiting:
        raise RuntimeError(f"drain answers {answer.status_code}: {answer.text[:200]}")
    return Measure(name=f"draining {waiting:,} jobs", unit="s", ours=time.perf_counter() - start)


def _slow(redis: Redis, when: str) -> Measure:
    return Measure(name=f"commands over 10 ms, {when}", unit="", ours=float(redis.slowlog_len()), goal=at_most(0))


def _enqueue(engine: Engine, count: int, type_name: str = BARE, **options: object) -> None:
    engine.queue(QUEUE).enqueue_many((type_name, {}, options) for _ in range(count))


def _finish(engine: Engine, type_name: str, count: int) -> None:
    """So many jobs of the type enqueued and run."""
    _enqueue(engine, count, type_name, **KEEP_ALL)
    Supervisor(engine, [WorkerProcess([QUEUE])], burst=True).run()


@contextmanager
def _application() -> Iterator[tuple[FlaskClient, Engine, Redis]]:
    with broker() as url, tempfile.TemporaryDirectory() as folder, Redis.from_url(url) as redis:
        redis.config_set("slowlog-log-slower-than", 10_000)
        app = create_app(
            Settings.from_env(
                {
                    "APP_ENV": "testing",
                    "SECRET_KEY": "only-for-the-benchmark-of-pages",
                    "DATABASE_URL": f"sqlite:///{Path(folder) / 'gnb.db'}",
                    "REDIS_URL": url,
                    "EMAIL_RATE_LIMIT": "none",
                    "EMAIL_RECIPIENT_RATE_LIMIT": "none",
                    "LOG_LEVEL": "warning",
                }
            )
        )
        app.config.update(WTF_CSRF_ENABLED=False, API_RATE_LIMIT="1000000 per minute")
        with app.app_context():
            db.create_all()
            admin = User(email="admin@example.com", name="Admin", role="admin", language="en")
            db.session.add(admin)
            db.session.commit()
            client = app.test_client()
            sign_in(client, admin)
        yield client, app.extensions["engine"], redis
        with app.app_context():
            db.engine.dispose()
