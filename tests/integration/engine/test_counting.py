"""Every job that ends is counted once, whatever the clocks of those who count and of those who read."""

import time
from collections.abc import Callable

import pytest

from gnb.queueing import Engine, Queue
from gnb.queueing import engine as engine_module

RunAll = Callable[..., None]


def completed(engine: Engine) -> int:
    """What the counters say."""
    return next(stats.processed_completed for stats in engine.stats() if stats.name == "email")


@pytest.mark.parametrize("ahead", [-90, -60, 60, 90], ids="{:+} s".format)
def test_a_reader_whose_clock_is_wrong_neither_loses_a_job_nor_counts_one_twice(
    engine: Engine, queue: Queue, run_all: RunAll, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    now = time.time
    for number in range(1, 4):
        queue.enqueue("noop")
        queue.enqueue("echo", {"n": number})
        run_all()
        with monkeypatch.context() as clock:
            clock.setattr(engine_module.time, "time", lambda: now() + ahead)
            assert completed(engine) == 2 * number
        assert completed(engine) == 2 * number


def test_the_minutes_of_the_history_keep_their_counts_when_they_are_added_up(
    engine: Engine, queue: Queue, run_all: RunAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.enqueue("noop")
    run_all()
    now = time.time
    with monkeypatch.context() as clock:
        clock.setattr(engine_module.time, "time", lambda: now() + 60)
        assert completed(engine) == 1
    assert sum(point.completed for point in queue.history(5)) == 1


def test_a_worker_that_ended_without_a_word_is_not_counted_for_long(engine: Engine) -> None:
    client = engine.broker.client
    client.sadd("rq:workers:email", "rq:worker:alive", "rq:worker:gone")
    client.hset("rq:worker:alive", "state", "idle")
    assert next(stats.workers for stats in engine.stats() if stats.name == "email") == 1
