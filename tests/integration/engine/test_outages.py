"""The broker is reachable but refuses, is unreachable, loses connections, or is of the wrong kind."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from gnb.queueing import Engine, QueueUnavailable, Scheduler, outage
from gnb.queueing.connection import WorkerConnection, connect
from gnb.queueing.errors import UnsupportedBroker
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from tests import servers
from tests.faults.valkey import Valkey

from .conftest import Workers, make_engine, wait_for
from .fronts import Front, as_redis_6_2

Start = Callable[..., Workers]
Log = Callable[[], list[str]]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server of the test's own, to be reconfigured."""
    server = Valkey(tmp_path / "valkey", 'save ""', "appendonly no").start()
    yield server
    server.kill()


def _endless_script(port: int) -> None:
    with redis.Redis(port=port) as client, suppress(redis.RedisError):
        client.eval("while true do end", 0)


def refuse(server: Valkey, code: str) -> None:
    """Make the server answer every write with this code."""
    if code == "NOREPLICAS":
        server.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    elif code == "BUSY":
        server.ask("CONFIG", "SET", "busy-reply-threshold", 50)
        threading.Thread(target=_endless_script, args=(server.port,), daemon=True).start()
    else:
        if code == "MASTERDOWN":
            server.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
        server.ask("REPLICAOF", "127.0.0.1", servers.free_port())


def accept(server: Valkey, code: str) -> None:
    if code == "NOREPLICAS":
        server.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    elif code == "BUSY":
        server.ask("SCRIPT", "KILL")
    else:
        server.ask("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("code", ["NOREPLICAS", "BUSY", "READONLY", "MASTERDOWN"])
def test_idle_and_busy_workers_outlast_a_broker_that_refuses_and_log_a_line_each(
    valkey: Valkey, start: Start, worker_log: Log, code: str
) -> None:
    engine = make_engine(valkey.url)
    queue = engine.queue("email")
    running = queue.enqueue("sleep", {"seconds": 3})
    start(on=engine, concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2 and queue.job(running.id).state == "active")
    before = {worker.pid for worker in engine.workers()}
    time.sleep(0.5)
    refuse(valkey, code)
    time.sleep(7)
    accept(valkey, code)
    wait_for(lambda: _enqueued(engine), 10)
    wait_for(lambda: queue.jobs("completed").total == 2, 10)
    assert [attempt.outcome for attempt in queue.attempts(running.id)] == ["completed"]
    assert {worker.pid for worker in engine.workers()} == before
    wait_for(lambda: any("can be used again" in line for line in worker_log()))
    by_process: dict[str, list[str]] = {}
    for line in worker_log():
        by_process.setdefault(line.partition(" ")[0], []).append(line)
    assert all(len(lines) <= 2 for lines in by_process.values()), worker_log()
    assert any(code in line or "UNBLOCKED" in line for line in worker_log()), worker_log()


def _enqueued(engine: Engine) -> bool:
    try:
        engine.queue("email").enqueue("noop")
    except QueueUnavailable:
        return False
    return True


UNUSABLE = {
    "redis://ann:wrong@127.0.0.1:{port}/0": ("127.0.0.1:{port}", "WRONGPASS", "correct the user and password"),
    "redis://127.0.0.1:{closed}/0": ("127.0.0.1:{closed}", "Connection refused", "check that it runs"),
    "redis://nowhere.invalid:{port}/0": ("nowhere.invalid:{port}", "Name or service", "correct the host name"),
}


@pytest.mark.parametrize("template", UNUSABLE)
@pytest.mark.parametrize("process", ["worker", "scheduler"])
def test_a_warning_names_host_cause_and_remedy_immediately_and_again_while_it_lasts(
    broker: servers.Broker, start: Start, worker_log: Log, monkeypatch: pytest.MonkeyPatch, template: str, process: str
) -> None:
    monkeypatch.setattr(outage, "_SECONDS_BETWEEN_WARNINGS", 3.0)
    ports = {"port": broker.server.port, "closed": servers.free_port()}
    engine = make_engine(template.format(**ports))
    if process == "worker":
        start(on=engine)
    else:
        scheduler = Scheduler(engine)
        threading.Thread(target=scheduler.run, daemon=True).start()
    began = time.monotonic()
    lines = wait_for(lambda: len(worker_log()) == 2 and worker_log())
    assert time.monotonic() - began < 8
    assert all("WARNING" in line for line in lines)
    for part in UNUSABLE[template]:
        assert all(part.format(**ports) in line for line in lines), lines
    assert not any("wrong@" in line for line in lines)
    if process == "scheduler":
        scheduler.stop()


def test_a_certificate_that_is_not_trusted_is_named_with_its_remedy() -> None:
    error = redis.ConnectionError("Error 1 connecting to h:1. [SSL: CERTIFICATE_VERIFY_FAILED] self-signed.")
    assert outage.describe("rediss://:pw@h:1/0", error).endswith("name the authority with ?ssl_ca_certs=FILE")


def test_after_a_restart_no_other_clients_connection_is_ended(tmp_path: Path) -> None:
    server = servers.Broker(tmp_path / "broker")
    server.start()
    worker = WorkerConnection(connect(server.tcp_url, patient=True), server.tcp_url)
    lost = int(worker.command("CLIENT", "ID"))
    server.kill()
    server.start()
    others = [redis.Redis.from_url(server.url) for _ in range(lost + 3)]
    try:
        ids = [int(other.client_id()) for other in others]
        assert lost in ids
        assert worker.reconnect(redis.ConnectionError("closed"), give_up=lambda: False)
        listed = {int(client["id"]) for client in others[-1].client_list()}
        assert set(ids) <= listed
    finally:
        for other in others:
            other.close()
        server.stop()


def test_a_worker_that_reconnects_ends_its_own_old_connection(broker: servers.Broker) -> None:
    with Front(broker.server.port) as front:
        worker = WorkerConnection(connect(front.url, patient=True), front.url)
        lost = int(worker.command("CLIENT", "ID"))
        front.freeze()
        assert worker.reconnect(redis.ConnectionError("late"), give_up=lambda: False)
        with redis.Redis.from_url(broker.url) as client:
            assert lost not in {int(each["id"]) for each in client.client_list()}


def test_a_connection_that_hangs_lets_no_other_host_run_the_job_again(
    broker: servers.Broker, engine: Engine, start: Start
) -> None:
    queue = engine.queue("email")
    with Front(broker.server.port) as front:
        job = queue.enqueue("sleep", {"seconds": 24})
        start(on=make_engine(front.url))
        wait_for(lambda: queue.job(job.id).state == "active")
        time.sleep(1)
        assert front.freeze() > 1
        start()
        wait_for(lambda: queue.job(job.id).state == "completed", 60)
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["completed"]


def test_a_burst_goes_on_after_a_lost_connection(engine: Engine, start: Start) -> None:
    queue = engine.queue("email")
    jobs = [queue.enqueue("sleep", {"seconds": 1}) for _ in range(3)]
    workers = start(burst=True)
    wait_for(lambda: queue.job(jobs[0].id).state == "active")
    engine.broker.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert workers.wait() == 0
    assert [queue.job(job.id).state for job in jobs] == ["completed"] * 3


@pytest.fixture
def unsupported(request: pytest.FixtureRequest, broker: servers.Broker, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of a server that cannot be the broker, and what it lacks."""
    if request.param == "cluster":
        server = Valkey(tmp_path / "cluster", "cluster-enabled yes").start()
        yield server.url, "the broker is a cluster; a single server or a primary with Sentinel is needed"
        server.kill()
    else:
        with Front(broker.server.port, as_redis_6_2) as front:
            yield front.url, "the broker is Redis 6.2.4; Redis 7.0, Valkey 7.2 or later is needed"


both = pytest.mark.parametrize("unsupported", ["too old", "cluster"], indirect=True)


@both
def test_worker_and_scheduler_end_with_what_the_broker_must_be(unsupported: tuple[str, str]) -> None:
    url, needed = unsupported
    for run in (Supervisor(make_engine(url), [WorkerProcess(["email"])]).run, Scheduler(make_engine(url)).run):
        with pytest.raises(UnsupportedBroker) as raised:
            run()
        assert str(raised.value) == needed


@both
def test_nothing_is_enqueued_where_it_could_not_run(unsupported: tuple[str, str]) -> None:
    url, needed = unsupported
    with pytest.raises(QueueUnavailable, match=re.escape(needed)):
        make_engine(url).queue("email").enqueue("noop")


def test_the_supported_versions_of_redis_are_accepted(broker: servers.Broker) -> None:
    def as_redis_7(reply: bytes) -> bytes:
        return as_redis_6_2(reply).replace(b"6.2.4", b"7.0.0")

    with Front(broker.server.port, as_redis_7) as front:
        make_engine(front.url).ping()


def test_a_job_of_plain_rq_that_was_pickled_fails_with_what_to_do(engine: Engine, start: Start) -> None:
    from rq import Queue as RQQueue

    job = RQQueue("email", connection=engine.broker.client).enqueue(print, 1)
    start(burst=True).wait()
    failed = engine.queue("email").job(job.id)
    assert failed.state == "failed"
    assert "enqueued with pickle; use RQ's JSONSerializer" in str(failed.failed_reason)


def test_a_scheduler_ends_at_every_signal(engine: Engine) -> None:
    """A handler that acquires a lock deadlocks when the signal interrupts the code that holds the lock."""
    import os
    import random
    import signal

    class Idle(Scheduler):
        def tick(self) -> float:
            return 0.0

    pid = os.fork()
    if not pid:
        try:
            engine.after_fork()
            for number in range(3000):
                scheduler = Idle(engine)
                signal.signal(signal.SIGALRM, scheduler.stop)
                signal.setitimer(signal.ITIMER_REAL, random.Random(number).uniform(0.0003, 0.003))
                scheduler.run()
        finally:
            os._exit(0)
    try:
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 60)
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
