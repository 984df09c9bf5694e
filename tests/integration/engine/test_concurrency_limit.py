"""A queue's concurrency limit: never more jobs at once over all workers, and no fewer for longer than a lease."""

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from gnb.queueing import Engine, InvalidJobOption, Queue, QueueOptions
from tests.servers import Broker

from .conftest import DEFAULTS, Workers, wait_for


@pytest.fixture
def client(broker: Broker) -> redis.Redis:
    return redis.Redis.from_url(broker.url)


def events(client: Any) -> list[tuple[str, int, str, float]]:
    """What the jobs of type `note` wrote: job id, process id, start or end, and when; in the order of the broker."""
    lines = [line.decode().split() for line in client.lrange("notes", 0, -1)]
    return [(job_id, int(pid), kind, float(at)) for job_id, pid, kind, at in lines]


def most_at_once(client: Any) -> int:
    """The most runs between their start and end; one whose process was killed ends when its job starts again."""
    running: set[str] = set()
    most = 0
    for job_id, _, kind, _ in events(client):
        if kind == "start":
            running.add(job_id)
            most = max(most, len(running))
        else:
            running.discard(job_id)
    return most


def test_no_more_jobs_run_at_once_than_the_limit_allows(
    queue: Queue, start: Callable[..., Workers], client: Any, broker: Broker
) -> None:
    queue.set_limits({"concurrency_limit": 3})
    data = {"url": broker.url, "seconds": 0.05}
    jobs = queue.enqueue_many([("note", data, {"priority": number % 10 + 1}) for number in range(60)])
    start(concurrency=4)
    start(concurrency=4)
    wait_for(lambda: queue.jobs("completed").total == len(jobs), 60)
    assert most_at_once(client) == 3


def test_a_queue_has_the_limit_that_it_was_configured_with(broker: Broker, start: Callable[..., Workers]) -> None:
    limited = Engine(broker.url, {"email": QueueOptions(DEFAULTS, concurrency_limit=1)})
    queue = limited.queue("email")
    queue.enqueue_many([("note", {"url": broker.url, "seconds": 0.1}, {}) for _ in range(5)])
    start(concurrency=3, on=limited)
    assert limited.stats()[0].concurrency_limit == "1"
    wait_for(lambda: queue.jobs("completed").total == 5)
    with redis.Redis.from_url(broker.url) as client:
        assert most_at_once(client) == 1


def test_a_place_that_becomes_free_is_taken_at_once(queue: Queue, start: Callable[..., Workers]) -> None:
    queue.set_limits({"concurrency_limit": 1})
    queue.enqueue_many([("sleep", {"seconds": 0.02}, {}) for _ in range(50)])
    began = time.monotonic()
    start(concurrency=4)
    wait_for(lambda: queue.jobs("completed").total == 50)
    assert time.monotonic() - began < 8  # a place found by polling alone would take up to 50 s


def test_a_place_left_by_a_worker_that_goes_no_further_is_given_to_another(
    queue: Queue, start: Callable[..., Workers], engine: Engine
) -> None:
    queue.set_limits({"concurrency_limit": 1})
    start(concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2)
    first = queue.enqueue("sleep", {"seconds": 2})
    busy = wait_for(lambda: next((worker for worker in engine.workers() if worker.job_id == first.id), None))
    second = queue.enqueue("noop")
    engine.quiet_worker(busy.name)
    wait_for(lambda: queue.job(first.id).state == "completed")
    ended = time.monotonic()
    wait_for(lambda: queue.job(second.id).state == "completed")
    assert time.monotonic() - ended < 0.5


def test_a_raised_limit_holds_at_once_and_a_lowered_one_lets_running_jobs_end(
    engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    queue.set_limits({"concurrency_limit": 1})
    start(concurrency=4)
    queue.enqueue_many([("sleep", {"seconds": 3}, {}) for _ in range(8)])
    wait_for(lambda: queue.jobs("active").total == 1)
    time.sleep(0.3)
    assert queue.jobs("active").total == 1
    queue.set_limits({"concurrency_limit": 4})
    wait_for(lambda: queue.jobs("active").total == 4, 2)
    queue.set_limits({"concurrency_limit": "2"})
    wait_for(lambda: queue.jobs("completed").total == 4)
    wait_for(lambda: queue.jobs("active").total == 2)
    queue.set_limits({"concurrency_limit": None})
    wait_for(lambda: queue.jobs("active").total == 4, 2)
    assert engine.stats()[0].concurrency_limit == "none"


def test_a_burst_runs_all_jobs_under_the_limit(queue: Queue, run_all: Callable[..., None]) -> None:
    queue.set_limits({"concurrency_limit": 1})
    queue.enqueue_many([("sleep", {"seconds": 0.05}, {}) for _ in range(10)])
    run_all(concurrency=3)
    assert queue.jobs("completed").total == 10


@pytest.mark.parametrize("limit", [0, -1, 10_001, "two", "1.5", True, "²"])
def test_a_limit_that_cannot_be_is_refused(queue: Queue, limit: Any) -> None:
    with pytest.raises(InvalidJobOption, match="concurrency limit"):
        queue.set_limits({"rate_limit": "1/60s", "concurrency_limit": limit})
    assert queue.broker.client.get(queue.keys.limit) is None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def running_now(client: Any) -> int:
    """How many jobs have started and not ended in a process that lives."""
    last = {job_id: (pid, kind) for job_id, pid, kind, _ in events(client)}
    return sum(kind == "start" and alive(pid) for pid, kind in last.values())


def test_killed_workers_leave_neither_more_nor_fewer_jobs_running_for_longer_than_a_lease(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any, broker: Broker
) -> None:
    """Worker processes, and once a whole supervisor, are killed while 3 of 80 jobs may run at once."""
    chance = random.Random(7)
    queue.set_limits({"concurrency_limit": 3})
    data = {"url": broker.url, "seconds": 0.4}
    made = queue.enqueue_many([("note", data, {"attempts": 20, "backoff": 0.1}) for _ in range(80)])
    doomed = start(concurrency=4)
    start(concurrency=4)
    began = last_full = time.monotonic()
    most, gap, next_kill, killed = 0, 0.0, began + 1, 0
    while queue.jobs("completed").total < len(made):
        now = time.monotonic()
        assert now - began < 150
        running = running_now(client)
        most = max(most, running, queue.jobs("active").total)
        if running >= 3 or queue.jobs("waiting").total < 3:
            gap, last_full = max(gap, now - last_full), now
        busy = [worker.pid for worker in engine.workers() if worker.job_id and worker.pid]
        if killed < 12 and now >= next_kill and busy:
            if killed == 6:
                doomed.kill()
            elif alive(pid := chance.choice(busy)):
                os.kill(pid, signal.SIGKILL)
            killed, next_kill = killed + 1, now + chance.uniform(0.5, 1.5)
        time.sleep(0.01)
    assert killed == 12
    assert most == 3
    assert most_at_once(client) == 3
    assert gap < 21  # a lease of 12 s, seen expired for 5 s by a sweep every 3 s
    assert {job.id for job in queue.jobs("completed", 0, 100).jobs} == {job.id for job in made}


def test_retention_set_at_run_time_holds_in_running_workers_and_is_taken_back(
    engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    def end(job_type: str, **options: Any) -> str:
        job = queue.enqueue(job_type, **options)
        wait_for(lambda: queue.job(job.id).state in ("completed", "failed"))
        return f"rq:job:{job.id}"

    ttl = engine.broker.client.ttl
    start()
    assert 86_390 < ttl(end("noop")) <= 86_400
    queue.set_limits({"remove_on_complete": "1h/2", "remove_on_fail": {"age": 60, "count": None}})
    assert 3590 < ttl(end("noop")) <= 3600
    assert 50 < ttl(end("final")) <= 60
    assert 90 < ttl(end("noop", remove_on_complete={"age": 100})) <= 100  # its own
    stats = engine.stats()[0]
    assert (str(stats.remove_on_complete), str(stats.remove_on_fail)) == ("1h/2", "1m/none")
    assert stats.set_at_run_time == {"remove_on_complete", "remove_on_fail"}
    end("noop")
    assert queue.jobs("completed").total == 2
    queue.set_limits({"remove_on_complete": None, "remove_on_fail": None})
    assert 86_390 < ttl(end("noop")) <= 86_400
    assert engine.stats()[0].set_at_run_time == set()


def test_retention_of_nothing_removes_jobs_as_they_end(queue: Queue, run_all: Callable[..., None]) -> None:
    queue.set_limits({"remove_on_complete": {"age": 0, "count": 0}})
    queue.enqueue("noop")
    run_all()
    assert queue.jobs("completed").total == 0


@pytest.mark.parametrize("kept", ["soon/3", "24h", "24h/many", "24h/-1", {"age": -1}, {"years": 1}])
def test_retention_that_cannot_be_is_refused(queue: Queue, kept: Any) -> None:
    with pytest.raises(InvalidJobOption):
        queue.set_limits({"remove_on_complete": kept})
