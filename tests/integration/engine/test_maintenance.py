"""Every step of maintenance is short, and what it leaves is done by the next."""

import signal
import time
from collections.abc import Callable

import pytest

from gnb.queueing import Engine, Queue, maintenance
from gnb.queueing.scripts import DEQUEUE, DequeueArgs, run

from .conftest import Workers, make_engine, wait_for

RunAll = Callable[..., None]
Start = Callable[..., Workers]


def test_a_dequeue_passes_over_a_few_hundred_ids_without_a_job_and_the_next_goes_on(
    engine: Engine, queue: Queue, run_all: RunAll
) -> None:
    client, keys = engine.broker.client, queue.keys
    client.rpush("rq:queue:email", *(f"gone-{number}" for number in range(1200)))
    job = queue.enqueue("noop")
    args = DequeueArgs(
        "w", "1", rq_now="2026-01-01T00:00:00.000000Z", lease=12, rate_limit="none", concurrency_limit="none"
    )
    answer = run(client, DEQUEUE, keys.for_worker("w"), [*args])
    assert (answer[0], client.llen("rq:queue:email")) == (b"wait", 701)
    run_all()
    assert queue.job(job.id).state == "completed"


def test_promotion_stops_after_its_time_and_goes_on_at_the_next_call(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_SECONDS_OF_A_STEP", 0.0)
    queue.enqueue_many([("noop", {}, {"delay": 0.01})] * 700)
    time.sleep(0.05)
    assert [maintenance.promote(engine) for _ in range(3)] == [500, 200, 0]
    assert queue.jobs("waiting").total == 700


def test_expired_jobs_leave_the_registries_a_slice_at_a_time_and_the_others_stay(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_REMOVED_AT_ONCE", 10)
    client = engine.broker.client
    client.zadd("rq:finished:email", {f"old-{number}": number for number in range(35)} | {"young": time.time() + 60})
    maintenance.remove_expired(engine, client)
    assert client.zrange("rq:finished:email", 0, -1) == [b"young"]


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_job_is_enqueued_by_the_brokers_clock(
    queue: Queue, run_all: RunAll, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + ahead)
    skewed = make_engine(queue.broker.url).queue("email")
    new, again = skewed.enqueue("noop"), skewed.enqueue("final")
    run_all()
    skewed.retry(again.id)
    written = [queue.job(new.id).created_at, queue.job(new.id).enqueued_at, queue.job(again.id).enqueued_at]
    assert all(moment and abs(moment.timestamp() - clock()) < 10 for moment in written)
    assert sum(point.completed for point in skewed.history(3)) == 1


def test_a_sweep_finds_a_lease_that_ended_in_the_current_second(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_SEEN_EXPIRED_FOR", 0.0)
    client, job = engine.broker.client, queue.enqueue("noop")
    args = DequeueArgs("w", "1", "2026-01-01T00:00:00.000000Z", lease=0, rate_limit="none", concurrency_limit="none")
    assert run(client, DEQUEUE, queue.keys.for_worker("w"), [*args])[0] == b"job"
    assert maintenance.Sweeper(engine, client).sweep() == 1
    assert (queue.job(job.id).state, queue.job(job.id).stalls) == ("waiting", 1)


def durations_counted(engine: Engine) -> int:
    counts = engine.stats()[0].counts
    return sum(sum(buckets) for buckets in counts.durations.values())


def test_a_run_that_was_released_is_not_counted_among_the_durations(
    engine: Engine, queue: Queue, start: Start, run_all: RunAll
) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    workers = start(grace=0.2)
    wait_for(lambda: queue.job(job.id).state == "active")
    assert workers.stop() == 0
    assert queue.job(job.id).state == "waiting"
    assert durations_counted(engine) == 0
    queue.remove(job.id)
    queue.enqueue("noop")
    run_all()
    assert durations_counted(engine) == 1


def test_runs_that_lost_their_worker_are_not_counted_among_the_durations(
    engine: Engine, queue: Queue, start: Start
) -> None:
    job = queue.enqueue("kill-worker")
    workers = start()
    wait_for(lambda: queue.job(job.id).state == "failed", 60)
    workers.signal(signal.SIGTERM)
    workers.wait()
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["failed", "stalled", "stalled"]
    assert durations_counted(engine) == 0
