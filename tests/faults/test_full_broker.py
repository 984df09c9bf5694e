"""A full broker: new work is refused or done at once; what was accepted goes on, and frees memory as it does."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import Booking
from gnb.services import email_service, export_service
from tests.fault_table import Fault
from tests.faults.conftest import when_done
from tests.faults.sizes import sizes
from tests.faults.valkey import Valkey
from tests.integration.api.conftest import Caller, accounts, admin, calling_as
from tests.integration.engine import types
from tests.integration.engine.conftest import Workers, wait_for
from tests.integration.exports.conftest import bookings
from tests.mail_server import MailServer
from tests.servers import on_sqlite

assert types
assert accounts
assert admin
assert bookings
assert calling_as

MB = 1024 * 1024
GONE_WHEN_DONE = {"remove_on_complete": {"age": 0, "count": 0}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", "maxmemory-policy noeviction", "appendonly yes", 'save ""').start()
    yield server
    server.kill()


@pytest.fixture
def settings(settings: Settings, server: Valkey) -> Settings:
    return replace(settings, redis_url=server.url)


@pytest.fixture
def workers(app: Flask) -> Iterator[Workers]:
    """A supervisor with two workers on the email queue."""
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine(), concurrency=2)
    wait_for(lambda: len(engine().workers()) == 2)
    yield workers
    if workers.pid:
        workers.kill()


@on_sqlite
@sizes(short=2, long=100)
def test_with_its_memory_full_new_work_is_refused_and_what_was_accepted_goes_on_and_frees_it(
    app: Flask, server: Valkey, workers: Workers, admin: Caller, bookings: list[Booking], mail_server: MailServer,
    fault: Fault, size: int,
) -> None:  # fmt: skip
    fault.name = f"broker's memory full, by {size} MB of waiting jobs"
    running = [enqueue(admin, "talk", {"lines": 3, "seconds": 4}) for _ in range(2)]
    wait_for(lambda: all(engine().queue("email").job(job).state == "active" for job in running))
    admin.post("/email/pause")
    server.ask("CONFIG", "SET", "maxmemory", used(server) + size * MB)
    refusal, accepted = fill(admin)
    # The least request finds it full as well, whatever connections take and give back meanwhile.
    server.ask("CONFIG", "SET", "maxmemory", used(server) - MB // 4)
    assert refusal.status_code == 503
    assert refusal.headers["Retry-After"]
    assert export_service.export_bookings_csv_async().sync
    assert email_service.send_email_async("guest@example.com", "Hello", text="Hello.").sync
    assert mail_server.recipients == ["guest@example.com"]
    stranger = {"email": "nobody@example.com", "password": "no password of mine"}
    assert admin("POST", "/api/v1/auth/login", json=stranger).status_code == 401
    for path in ("/stats", "/email/stats", "/email/jobs?state=active", f"/email/{running[0]}"):
        admin.get(path)
    wait_for(lambda: all(engine().queue("email").job(job).state == "completed" for job in running), 10)
    victim = engine().workers()[0].pid
    assert victim
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in (pids := [worker.pid for worker in engine().workers()]) and len(pids) == 2)
    assert fill(admin)[0].status_code == 503
    resumed = time.monotonic()
    admin.post("/email/resume")
    wait_for(lambda: try_to_enqueue(admin, "noop").status_code == 201)
    fault.recovery = time.monotonic() - resumed
    stats = when_done(120)
    fault.jobs = len(running) + accepted + 1
    fault.lost, fault.doubled = fault.jobs - stats.processed_completed, stats.stalled
    assert (fault.lost, fault.doubled, stats.processed_failed) == (0, 0, 0)
    assert workers.stop() == 0


@on_sqlite
@sizes(short=1, long=10)
def test_with_its_disk_full_it_is_as_if_it_were_away(
    app: Flask, server: Valkey, workers: Workers, admin: Caller, mail_server: MailServer, fault: Fault, size: int
) -> None:
    fault.name = f"broker's disk full, {size} time(s)"
    jobs: list[str] = []
    recoveries = [fill_the_disk(server, admin, jobs) for _ in range(size)]
    fault.recovery = max(recoveries)
    stats = when_done()
    fault.jobs = len(jobs)
    fault.lost, fault.doubled = fault.jobs - stats.processed_completed, stats.stalled
    assert (fault.lost, fault.doubled, stats.processed_failed) == (0, 0, 0)
    assert workers.stop() == 0


def fill_the_disk(server: Valkey, admin: Caller, jobs: list[str]) -> float:
    """With two jobs running, and for longer than they do; seconds until it takes jobs again. Adds those it took."""
    running = [enqueue(admin, "sleep", {"seconds": 1.5}) for _ in range(2)]
    jobs += running
    wait_for(lambda: all(engine().queue("email").job(job).state == "active" for job in running))
    limit_files(server, sum(file.stat().st_size for file in server.folder.rglob("*.aof")) + 2000)
    wait_for(lambda: try_to_enqueue(admin, "sleep", {"seconds": 0}, jobs).status_code == 503)
    assert email_service.send_email_async("guest@example.com", "Hello", text="Hello.").sync
    time.sleep(2)  # the running jobs are done meanwhile, and cannot say so
    limit_files(server, resource.RLIM_INFINITY)
    freed = time.monotonic()
    wait_for(lambda: try_to_enqueue(admin, "noop", {}, jobs).status_code == 201)
    return time.monotonic() - freed


def enqueue(admin: Caller, type_name: str, data: dict[str, Any]) -> str:
    """The id of an accepted job."""
    return str(admin.post("/email", {"type": type_name, "data": data})["id"])


def try_to_enqueue(
    admin: Caller, type_name: str, data: dict[str, Any] | None = None, accepted: list[str] | None = None
) -> TestResponse:
    """The answer, whatever it is; an accepted job's id is added to `accepted`."""
    answer = admin("POST", "/api/v1/admin/jobs/email", json={"type": type_name, "data": data or {}})
    if answer.status_code == 201 and accepted is not None:
        accepted.append(answer.json["data"]["id"])  # type: ignore[index]
    return answer


def fill(admin: Caller) -> tuple[TestResponse, int]:
    """Enqueues until the broker takes no more: its answer then, and how many it took."""
    body = {"type": "echo", "data": {"text": os.urandom(50_000).hex()}, "options": GONE_WHEN_DONE}
    for number in range(100_000):
        answer = admin("POST", "/api/v1/admin/jobs/email", json=body)
        if answer.status_code != 201:
            return answer, number
    raise AssertionError("it takes whatever comes")


def used(server: Valkey) -> int:
    return int(server.ask("INFO", "memory")["used_memory"])


def limit_files(server: Valkey, size: int) -> None:
    """Lets no file of the server's grow beyond that, as a full disk would."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
