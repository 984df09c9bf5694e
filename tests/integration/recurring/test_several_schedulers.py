"""Several schedulers as processes on one broker, whose leaders are killed: every firing happens once, none is lost."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gnb.queueing import Engine, Schedule
from tests.integration.recurring.scheduler_process import engine_at
from tests.servers import Broker

Starter = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def engine(broker: Broker) -> Iterator[Engine]:
    engine = engine_at(broker.url)
    yield engine
    engine.broker.client.close()


@pytest.fixture
def start(broker: Broker) -> Iterator[Starter]:
    """Starts a scheduler process; all are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def starter() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.integration.recurring.scheduler_process", broker.url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        return process

    yield starter
    for process in started:
        process.kill()
        process.communicate()


def leader(engine: Engine, besides: int = 0, within: float = 30.0) -> int:
    """The leading process's id, another than `besides`, once there is one."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        token = engine.schedules.leader()
        if token and (pid := int(token.rpartition(":")[2])) != besides:
            return pid
        time.sleep(0.02)
    raise AssertionError("nobody leads")


def fired_times(engine: Engine, name: str) -> list[float]:
    """For when each job of the schedule was fired, in order of enqueueing."""
    jobs = engine.queue("scheduled").scan("waiting", ())
    ids = [job_id for job_id, _ in jobs if job_id.startswith(f"{name}-")]
    return [time.mktime(time.strptime(job_id.rpartition("-")[2], "%Y%m%dT%H%M%SZ")) for job_id in ids]


def kill_leaders(engine: Engine, start: Starter, seconds: float, every: float) -> list[float]:
    """Kills the leader again and again, with another scheduler started each time; how long each takeover took."""
    processes = {process.pid: process for process in (start(), start(), start())}
    leader(engine)
    takeovers, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(every * random.uniform(0.5, 1.5))
        pid = leader(engine)
        processes[pid].send_signal(signal.SIGKILL)
        killed = time.monotonic()
        leader(engine, besides=pid)
        takeovers.append(time.monotonic() - killed)
        process = start()
        processes[process.pid] = process
    time.sleep(5)
    return takeovers


def check(engine: Engine, takeovers: list[float]) -> None:
    assert takeovers
    assert max(takeovers) < 5
    for name, step in (("second", 1), ("other", 2)):
        times = fired_times(engine, name)
        gaps = {later - earlier for earlier, later in pairwise(times)}
        assert gaps == {step}, f"{name}: {len(times)} firings {gaps}"
        assert engine.schedules.get(name).missed == 0


def add_schedules(engine: Engine) -> None:
    engine.schedules.add(Schedule("second", "note", every=1, overlap=True))
    engine.schedules.add(Schedule("other", "note", every=2, overlap=True, catch_up="skip"))


def test_leaders_killed_for_a_while_every_firing_happens_once(engine: Engine, start: Starter) -> None:
    add_schedules(engine)
    check(engine, kill_leaders(engine, start, seconds=8, every=2))


def test_a_stopped_leader_hands_over_at_once(engine: Engine, start: Starter) -> None:
    first = start()
    leader(engine)
    start()
    first.terminate()
    assert first.wait(5) == 0
    stopped = time.monotonic()
    leader(engine, besides=first.pid)
    assert time.monotonic() - stopped < 1.5


def test_plain_rqscheduler_stands_by_beside_ours_and_nothing_fires_twice(
    engine: Engine, broker: Broker, start: Starter
) -> None:
    start()
    ours = leader(engine)
    add_schedules(engine)
    classes = ["-j", "gnb.queueing.ScheduledJob", "-q", "gnb.queueing.ScheduledQueue"]
    command = [str(Path(sys.executable).with_name("rqscheduler")), "--url", broker.url, "-i", "0.2", "-v", *classes]
    stock = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(6)
    assert leader(engine) == ours
    assert stock.poll() is None
    stock.terminate()
    output, _ = stock.communicate(timeout=10)
    assert "Registering birth" in output, output
    assert "Traceback" not in output
    check(engine, [0.1])
    assert leader(engine) == ours
