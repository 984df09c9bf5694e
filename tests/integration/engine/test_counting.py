"""Every job that ends is counted once, whatever the broker's clock does meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from gnb.queueing import Engine, Queue, QueueUnavailable
from gnb.queueing.maintenance import remove_dead_workers

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
