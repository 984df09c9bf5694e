"""The engine under load while its processes and its broker die, stand still, or lose the time."""

import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from gnb.queueing import Engine, Queue, QueueUnavailable
from gnb.queueing.recurring.scheduler import Scheduler
from tests import servers
from tests.fault_table import Fault
from tests.integration.engine.conftest import Workers, make_engine, wait_for
from tests.integration.engine.test_losing_nothing import never_twice_at_once, reachable, send

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

JOBS = 2000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Broker]:
    server = servers.Broker(tmp_path / "broker", durable=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def engine(server: servers.Broker) -> Engine:
    return make_engine(server.url)


class SchedulerProcess(Workers):
    """A scheduler in a process of its own."""

    def __init__(self, engine: Engine):
        self.pid = os.fork()
        if not self.pid:
            engine.after_fork()
            scheduler = Scheduler(engine)
            scheduler.run()
            os._exit(0)


def test_two_thousand_jobs_survive_kills_of_workers_supervisors_and_schedulers(
    engine: Engine, started: list[Workers], fault: Fault
) -> None:
    fault.name = "workers, supervisors and a scheduler killed at random"
    queue = engine.queue("email")
    keep = {"remove_on_complete": {"age": 3600}}
    note = {"url": engine.url, "seconds": 0.005}
    ids = [
        job.id
        for job in queue.enqueue_many(
            [("note", note, {**keep, "delay": 5 if number % 10 == 0 else 0}) for number in range(JOBS)]
            + [("flaky", {}, {**keep, "attempts": 3})] * 20
        )
    ]
    started += [Workers(engine, concurrency=2) for _ in range(2)]
    schedulers = [SchedulerProcess(engine) for _ in range(2)]
    started += schedulers
    rng = random.Random(11)
    deadline = time.monotonic() + 240
    while queue.jobs("completed", 0, 0).total < len(ids) and time.monotonic() < deadline:
        time.sleep(0.3)
        if queue.jobs("waiting", 0, 0).total < 50:
            continue
        living = [worker.pid for worker in engine.workers() if worker.pid]
        if living:
            send(rng.choice(living), signal.SIGKILL)
        if rng.random() < 0.1:
            supervisors = [each for each in started if each.pid and each not in schedulers]
            rng.choice(supervisors).kill()
            started.append(Workers(engine, concurrency=2))
        if rng.random() < 0.05 and schedulers[0].pid:
            schedulers[0].kill()
    write_down(fault, queue, ids)
    assert fault.lost == 0
    stats = engine.stats()[0]
    assert (stats.processed_completed, stats.processed_failed) == (len(ids), 0)
    assert stats.retries == 40
    assert never_twice_at_once(engine)


def test_a_broker_that_stands_still_for_twenty_seconds_costs_no_job(
    engine: Engine, server: servers.Broker, started: list[Workers], fault: Fault
) -> None:
    fault.name = "broker stopped for 20 s"
    queue = engine.queue("email")
    started.append(Workers(engine, concurrency=2))
    long = queue.enqueue("sleep", {"seconds": 5})
    others = queue.enqueue_many([("sleep", {"seconds": 0.01}, {})] * 300)
    wait_for(lambda: queue.job(long.id).state == "active" and queue.jobs("completed").total > 5)
    pid = int(engine.broker.client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(20)
    finally:
        os.kill(pid, signal.SIGCONT)
    going = time.monotonic()
    wait_for(lambda: reachable(engine), 10)
    wait_for(lambda: answers(lambda: queue.job(long.id).state == "completed"), 60)
    fault.recovery = time.monotonic() - going
    wait_for(lambda: queue.jobs("completed", 0, 0).total == len(others) + 1, 60)
    write_down(fault, queue, [long.id, *(other.id for other in others)])
    assert [attempt.outcome for attempt in queue.attempts(long.id)] == ["completed"]
    assert queue.jobs("failed").total == 0
    assert engine.stats()[0].processed_completed == len(others) + 1


def test_a_broker_that_is_killed_again_and_again_loses_no_accepted_job(
    engine: Engine, server: servers.Broker, started: list[Workers], fault: Fault
) -> None:
    fault.name = "broker killed, started again a second later, four times"
    queue = engine.queue("email")
    keep = {"remove_on_complete": {"age": 3600}}
    jobs = queue.enqueue_many([("noop", {}, {**keep, "delay": number % 5}) for number in range(JOBS)])
    time.sleep(1.5)  # the append-only file is synced every second
    started.append(Workers(engine, concurrency=2))
    for _ in range(4):
        time.sleep(2)
        server.kill()
        time.sleep(1)
        server.start()
    wait_for(lambda: answers(lambda: all(queue.job(job.id).state == "completed" for job in jobs)), 90)
    write_down(fault, queue, [job.id for job in jobs])


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_that_jumps_an_hour_loses_doubles_and_stalls_nothing(
    engine: Engine, started: list[Workers], jump: float, fault: Fault
) -> None:
    fault.name = f"clock of the workers jumps by {jump / 3600:+.0f} h"
    queue = engine.queue("email")
    note = {"url": engine.url, "seconds": 0.01}
    jobs = queue.enqueue_many([("note", note, {"delay": 4 * (number % 2)}) for number in range(200)])
    real, since = time.time, time.monotonic()
    time.time = lambda: real() + (jump if time.monotonic() - since > 1.5 else 0)  # type: ignore[assignment]
    try:
        started.append(Workers(engine, concurrency=2))
    finally:
        time.time = real  # type: ignore[assignment]
    wait_for(lambda: all(queue.job(job.id).state == "completed" for job in jobs), 30)
    with redis.Redis.from_url(engine.url) as client:
        ends = [line.split()[0] for line in client.lrange("notes", 0, -1) if b" end " in line]
    write_down(fault, queue, [job.id for job in jobs])
    fault.doubled = len(ends) - len(set(ends))
    assert (fault.lost, fault.doubled, len(ends)) == (0, 0, len(jobs))
    assert engine.stats()[0].stalled == 0


def answers(question: Callable[[], bool]) -> bool:
    """The answer, or no while the broker is away."""
    with suppress(QueueUnavailable):
        return question()
    return False


def write_down(fault: Fault, queue: Queue, ids: list[str]) -> None:
    """What became of the jobs, from their own records: those that are not completed, those that noted their end twice
    (if they note it), and how long one that lost its worker waited for the next."""
    fault.jobs = len(ids)
    fault.lost = sum(queue.job(job_id).state != "completed" for job_id in ids)
    with redis.Redis.from_url(queue.broker.url) as client:
        ends = Counter(line.split()[0] for line in client.lrange("notes", 0, -1) if b" end " in line)
    fault.doubled = sum(count > 1 for count in ends.values()) if ends else None
    for job_id in ids:
        attempts = queue.attempts(job_id)
        for later, earlier in itertools.pairwise(attempts):
            if earlier.outcome == "stalled" and later.started_at and earlier.started_at:
                waited = (later.started_at - earlier.started_at).total_seconds()
                fault.recovery = max(fault.recovery or 0.0, waited)
