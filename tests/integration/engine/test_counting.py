"""Every job that ends is counted once, whatever the broker's clock does meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from gnb.queueing import Engine, Queue, QueueUnavailable
from gnb.queueing.maintenance import remove_dead_workers, sample_depths

from .conftest import Workers, wait_for

RunAll = Callable[..., None]


def completed(engine: Engine) -> int:
    """What the counters say."""
    return next(stats.processed_completed for stats in engine.stats() if stats.name == "email")


def counted_in(engine: Engine, queue: Queue, minutes_ago: int) -> None:
    """Lets what was counted lately stand under another minute, as if the broker's clock had shown that."""
    client, key = engine.broker.client, queue.keys.counts
    minute = int(time.time() // 60) - minutes_ago
    for name, count in client.hgetall(key).items():
        client.hdel(key, name)
        client.hset(key, f"{minute}|{name.decode().partition('|')[2]}", count)


@pytest.mark.parametrize("minutes_ago", [1, 90, -60], ids="{} min ago".format)
def test_a_job_is_counted_once_in_whichever_minute_it_ended(
    engine: Engine, queue: Queue, run_all: RunAll, minutes_ago: int
) -> None:
    for number in range(1, 4):
        queue.enqueue("noop")
        queue.enqueue("echo", {"n": number})
        run_all()
        counted_in(engine, queue, minutes_ago)
        assert completed(engine) == 2 * number
        assert completed(engine) == 2 * number


def test_a_minute_of_the_history_keeps_its_counts_when_they_are_added_up(
    engine: Engine, queue: Queue, run_all: RunAll
) -> None:
    queue.enqueue("noop")
    run_all()
    counted_in(engine, queue, 2)
    for _ in range(2):
        assert [point.completed for point in queue.history(6) if point.completed] == [1]
        assert completed(engine) == 1


def test_hours_and_days_of_the_history_have_what_their_minutes_counted(
    engine: Engine, queue: Queue, run_all: RunAll
) -> None:
    queue.enqueue_many([("noop", {}, {})] * 3)
    queue.enqueue("final")
    run_all()
    before_added_up = [queue.history(1, step)[0].completed for step in ("hour", "day")]
    counted_in(engine, queue, 60)
    engine.stats()
    queue.enqueue("noop")
    run_all()
    counted_in(engine, queue, 1)
    engine.stats()
    hours, days = queue.history(3, "hour"), queue.history(2, "day")
    assert before_added_up == [3, 3]
    for points in (hours, days):
        assert sum(point.completed for point in points) == 4 and sum(point.failed for point in points) == 1
        assert sum(sum(point.durations()) for point in points) == sum(sum(point.counts.waits) for point in points) == 5
    assert [(point.until - point.at).total_seconds() for point in (hours[0], days[0])] == [3600, 86_400]
    ttl = engine.broker.client.ttl
    kept = [ttl(key) for step in ("hour", "day") for key in engine.broker.client.keys(f"gnb:{step}:email:*")]
    assert kept and all(90 * 86_400 < seconds <= 91 * 86_400 for seconds in kept)


def test_an_hour_of_the_history_takes_a_kilobyte_however_many_jobs_ended_in_it(engine: Engine, queue: Queue) -> None:
    client, minute = engine.broker.client, int(time.time() // 60) - 120
    for job_type in ("noop", "echo", "boom", "sleep"):
        fields = {f"{minute}|{job_type}|completed|{n % 17}|{n // 17}": 1_000_000 for n in range(17 * 17)}
        client.hset(queue.keys.counts, mapping=fields)
    engine.stats()
    hour = client.keys("gnb:hour:email:*")[0]
    assert queue.history(4, "hour")[1].completed + queue.history(4, "hour")[2].completed == 4 * 17 * 17 * 1_000_000
    assert client.memory_usage(hour) < 1500


def test_the_largest_depth_of_an_hour_and_a_day_is_kept(engine: Engine, queue: Queue) -> None:
    client = engine.broker.client
    for waiting in (2, 7, 3):
        for key in client.keys("gnb:minute:*"):
            client.delete(key)  # as if another minute had begun
        missing = waiting - queue.jobs("waiting").total
        queue.enqueue_many([("noop", {}, {})] * missing) if missing > 0 else queue.drain()
        queue.enqueue_many([("noop", {}, {})] * (waiting - queue.jobs("waiting").total))
        sample_depths(engine, client)
    assert [queue.history(1, step)[0].waiting for step in ("minute", "hour", "day")] == [3, 7, 7]


@pytest.mark.parametrize(("name", "refusing", "taking"), [("maxmemory", 1, 0), ("min-replicas-to-write", 1, 0)])
def test_a_broker_that_takes_no_writes_still_tells_what_was_counted(
    engine: Engine, queue: Queue, run_all: RunAll, name: str, refusing: int, taking: int
) -> None:
    queue.enqueue("noop")
    run_all()
    counted_in(engine, queue, 2)
    client = engine.broker.client
    client.config_set(name, refusing)
    try:
        assert (completed(engine), client.hlen(queue.keys.totals)) == (1, 0)
    finally:
        client.config_set(name, taking)
    assert completed(engine) == 1
    assert client.hlen(queue.keys.totals) > 0


def test_a_worker_that_ended_without_a_word_is_not_counted_for_long(engine: Engine) -> None:
    client, lists = engine.broker.client, ("rq:workers", "rq:workers:email", "rq:workers:email:1")
    for key in lists:
        client.sadd(key, "rq:worker:alive", "rq:worker:gone")
    client.hset("rq:worker:alive", "state", "idle")
    assert next(stats.workers for stats in engine.stats() if stats.name == "email") == 1
    remove_dead_workers(engine, client)
    assert [client.smembers(key) for key in lists] == [{b"rq:worker:alive"}] * 3


def test_a_workers_throughput_is_measured_from_its_own_counts(
    engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    start()
    queue.enqueue_many([("noop", {}, {})] * 20)
    wait_for(lambda: queue.jobs("completed").total == 20)
    worker = wait_for(lambda: next((each for each in engine.workers() if each.completed == 20), None))
    client, key = engine.broker.client, f"rq:worker:{worker.name}"
    wait_for(lambda: client.hexists(key, "measured_at"))
    client.hset(key, mapping={"measured_at": time.time() - 120, "measured_count": 4})
    measured = wait_for(lambda: client.hget(key, "jobs_per_minute"))
    assert 7.5 < float(measured) <= 8  # 16 jobs in two minutes
    assert engine.workers()[0].jobs_per_minute == float(measured)


@pytest.fixture
def losing_answers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """While this list is not empty, the broker does what it is asked and the answer is lost."""
    lost, call = [True], engine.broker.call

    def call_and_lose(request: Any) -> Any:
        answer = call(request)
        if lost:
            raise QueueUnavailable("the answer is lost")
        return answer

    monkeypatch.setattr(engine.broker, "call", call_and_lose)
    return lost


def test_what_the_application_counts_is_counted_once_although_an_answer_is_lost(
    engine: Engine, losing_answers: list[bool]
) -> None:
    engine.counters.add("bookings_created", "paid")
    engine.counters.add("bookings_created", "paid", count=2)
    losing_answers.clear()
    engine.counters.write()
    assert engine.counters.read() == {("bookings_created", "paid"): 3}
