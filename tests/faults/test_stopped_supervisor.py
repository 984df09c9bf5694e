"""A supervisor is stopped, and renews no lease while its child works on: the job runs again elsewhere. Both runs may
reach their end; the outcome of one is recorded, once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import redis

from gnb.queueing import Engine, maintenance
from gnb.queueing.worker import loop, supervisor
from tests.fault_table import Fault
from tests.integration.engine.conftest import Workers, make_engine, wait_for
from tests.integration.engine.test_losing_nothing import active_worker
from tests.servers import Broker

LONG = [pytest.mark.faults, pytest.mark.timeout(400)]
Start = Callable[..., Workers]


@dataclass(frozen=True)
class Times:
    """Seconds of a lease, between its renewals, and of looking at one that ran out."""

    lease: int
    beat: float
    seen: float


@pytest.fixture(
    params=[
        pytest.param(Times(lease=2, beat=0.5, seen=1), id="short"),
        pytest.param(
            Times(loop.LEASE, supervisor.HEARTBEAT_INTERVAL, maintenance._SEEN_EXPIRED_FOR), id="long", marks=LONG
        ),
    ]
)
def times(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Times:
    """Those of a real installation, or shorter ones."""
    times: Times = request.param
    monkeypatch.setattr(loop, "LEASE", times.lease)
    monkeypatch.setattr(supervisor, "LEASE", times.lease)
    monkeypatch.setattr(supervisor, "HEARTBEAT_INTERVAL", times.beat)
    monkeypatch.setattr(maintenance, "_SEEN_EXPIRED_FOR", times.seen)
    return times


@pytest.fixture
def engine(broker: Broker) -> Engine:
    return make_engine(broker.url)


@pytest.fixture
def start(engine: Engine) -> Iterator[Start]:
    started: list[Workers] = []

    def start_one() -> Workers:
        started.append(Workers(engine))
        return started[-1]

    yield start_one
    for workers in started:
        workers.signal(signal.SIGCONT)
        workers.kill()


@pytest.mark.parametrize("frozen", ["the supervisor", pytest.param("the supervisor and its child", marks=LONG)])
def test_the_job_of_a_stopped_supervisor_runs_twice_and_counts_once(
    engine: Engine, start: Start, times: Times, fault: Fault, frozen: str
) -> None:
    fault.name = f"SIGSTOP of {frozen}, lease of {times.lease} s"
    queue = engine.queue("email")
    job = queue.enqueue("note", {"url": engine.url, "until": "released"}, timeout=300)
    first = start()
    child = active_worker(engine)
    start()
    stopped = [first.pid, child] if "child" in frozen else [first.pid]
    begun = time.monotonic()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: queue.job(job.id).stalls == 1, 60)
    wait_for(lambda: queue.job(job.id).state == "active", 5)
    fault.recovery = time.monotonic() - begun
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    with redis.Redis.from_url(engine.url) as client:
        client.set("released", 1)
    wait_for(lambda: len(ends(engine)) == 2)
    wait_for(lambda: queue.job(job.id).state == "completed")
    after = queue.enqueue("noop")
    wait_for(lambda: queue.job(after.id).state == "completed")
    stats = engine.stats()[0]
    fault.jobs, fault.lost, fault.doubled = 1, 0, len(ends(engine)) - 1
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["completed", "stalled"]
    assert (stats.processed_completed, stats.processed_failed, stats.stalled) == (2, 0, 1)
    assert (stats.active, stats.waiting, stats.completed) == (0, 0, 2)


def ends(engine: Engine) -> list[bytes]:
    """The runs that reached their end, as the job itself has noted them."""
    with redis.Redis.from_url(engine.url) as client:
        return [line for line in client.lrange("notes", 0, -1) if b" end " in line]
