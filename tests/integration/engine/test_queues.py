"""A queue as a whole: pausing, limits, draining, cleaning, retention, counting."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from rq.job import Job as RQJob

from gnb.queueing import Engine, InvalidJobOption, JobNotFound, Queue
from gnb.queueing import queue as queue_module
from gnb.queueing.metrics import quantile
from gnb.queueing.search import JobFilter
from tests.servers import Broker

from .conftest import Workers, make_engine, wait_for

RunAll = Callable[..., None]
Start = Callable[..., Workers]


def test_a_paused_queue_starts_nothing_new(queue: Queue, start: Start) -> None:
    start()
    running = queue.enqueue("sleep", {"seconds": 1})
    wait_for(lambda: queue.job(running.id).state == "active")
    queue.pause()
    waiting = queue.enqueue("noop")
    wait_for(lambda: queue.job(running.id).state == "completed")
    time.sleep(0.3)
    assert queue.job(waiting.id).state == "waiting"
    queue.resume()
    wait_for(lambda: queue.job(waiting.id).state == "completed")


def test_the_rate_limit_is_rolling_over_all_workers(broker: Broker, start: Start) -> None:
    limited = make_engine(broker.url, "5/1s")
    queue = limited.queue("email")
    jobs = queue.enqueue_many([("noop", {}, {})] * 20)
    start(concurrency=3, on=limited)
    wait_for(lambda: queue.jobs("waiting").total == 0)
    wait_for(lambda: queue.jobs("active").total == 0)
    starts = sorted(started(queue, job.id) for job in jobs)
    assert all(later - earlier > 0.999 for earlier, later in zip(starts, starts[5:], strict=False))
    assert starts[-1] - starts[0] < 6


def started(queue: Queue, job_id: str) -> float:
    """When the job started by the broker's clock, which limits go by; the job's own `started_at` is its worker's."""
    (attempt,) = queue.attempts(job_id)
    assert attempt.started_at
    return attempt.started_at.timestamp()


@pytest.mark.parametrize("then", ["none", None])
def test_a_rate_limit_changes_without_a_restart(engine: Engine, queue: Queue, start: Start, then: str | None) -> None:
    queue.set_limits({"rate_limit": "1/20d"})
    queue.enqueue_many([("noop", {}, {})] * 3)
    start()
    wait_for(lambda: queue.jobs("completed").total == 1)
    assert engine.stats()[0].rate_limit == "1/1728000s"
    queue.set_limits({"rate_limit": then})
    wait_for(lambda: queue.jobs("completed").total == 3)
    assert engine.stats()[0].rate_limit == "none"


def test_a_drain_removes_waiting_and_delayed_and_nothing_else(queue: Queue, run_all: RunAll, broker: Broker) -> None:
    queue.enqueue("noop")
    queue.enqueue("final")
    run_all()
    queue.enqueue_many([("noop", {}, {"priority": 1 + n % 10, "delay": n % 2 * 60}) for n in range(1500)])
    assert queue.drain() == 1500
    stats = make_engine(broker.url).stats()[0]
    assert (stats.waiting, stats.delayed, stats.completed, stats.failed) == (0, 0, 1, 1)
    with redis.Redis.from_url(broker.url) as client:
        assert len(client.keys("rq:job:*")) == 2


def test_cleaning_removes_what_ended_long_enough_ago(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("noop", {}, {})] * 5)
    run_all()
    assert queue.clean(timedelta(hours=1)) == queue.clean(3600) == 0
    assert queue.clean(timedelta(0), limit=2) == 2
    assert queue.clean(timedelta(0)) == 3
    with pytest.raises(InvalidJobOption):
        queue.clean(state="waiting")


@pytest.mark.parametrize("keep", [{"age": 3600, "count": 10}, {"count": 10}, 10], ids=str)
def test_completed_jobs_are_kept_by_count_and_the_oldest_go_first(queue: Queue, run_all: RunAll, keep: object) -> None:
    options = [{"remove_on_complete": keep, "priority": 1 + n % 10} for n in range(50)]
    jobs = queue.enqueue_many([("noop", {}, each) for each in options])
    run_all()
    assert queue.jobs("completed").total == 10
    ran = sorted(jobs, key=lambda job: (job.priority, jobs.index(job)))
    assert {job.id for job in queue.jobs("completed", 0, 100).jobs} == {job.id for job in ran[-10:]}


def test_no_more_than_the_count_is_kept_and_at_most_a_hundredth_fewer(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("noop", {}, {"remove_on_complete": 300})] * 305)
    run_all()
    assert 297 <= queue.jobs("completed").total <= 300


def test_jobs_that_are_kept_for_ever_count_and_the_first_that_ended_go_first(queue: Queue, run_all: RunAll) -> None:
    kept_for_ever = queue.enqueue_many([("noop", {}, {"remove_on_complete": False, "priority": 1})] * 20)
    run_all()
    bounded = [queue.enqueue("noop", remove_on_complete={"age": 3600, "count": 10}, priority=2) for _ in range(4)]
    run_all()
    left = {job.id for job in queue.jobs("completed", 0, 100).jobs}
    assert left == {job.id for job in [*kept_for_ever[-6:], *bounded]}


def test_the_log_of_a_job_that_rq_deletes_expires(queue: Queue, run_all: RunAll, broker: Broker) -> None:
    jobs = [queue.enqueue("logs-once", attempts=1, remove_on_fail=keep) for keep in (False, {"age": 100})]
    run_all()
    again = queue.enqueue("logs-once", attempts=1)
    run_all()
    queue.retry(again.id)
    with redis.Redis.from_url(broker.url) as client:
        for job in (*jobs, again):
            RQJob.fetch(job.id, connection=client, serializer="json").delete()
            assert 0 < client.ttl(f"gnb:logs:{job.id}") <= 366 * 86400


def test_completed_jobs_are_kept_by_age(queue: Queue, run_all: RunAll, broker: Broker) -> None:
    job = queue.enqueue("noop", remove_on_complete={"age": 100})
    run_all()
    with redis.Redis.from_url(broker.url) as client:
        assert 95 < client.ttl(f"rq:job:{job.id}") <= 100
        assert 95 < client.ttl(f"rq:results:{job.id}") <= 100


def test_the_log_of_an_earlier_attempt_is_kept_no_longer_than_the_job(
    queue: Queue, run_all: RunAll, broker: Broker
) -> None:
    job = queue.enqueue("logs-once", remove_on_complete={"age": 100})
    run_all()
    assert (queue.job(job.id).state, queue.logs(job.id)) == ("completed", ["trying"])
    with redis.Redis.from_url(broker.url) as client:
        assert 95 < client.ttl(f"gnb:logs:{job.id}") <= 100


@pytest.mark.parametrize("keep", [True, 0, {"age": 0}, {"age": 100, "count": 0}])
def test_a_job_can_be_removed_as_soon_as_it_is_done(queue: Queue, run_all: RunAll, broker: Broker, keep: Any) -> None:
    job = queue.enqueue("noop", remove_on_complete=keep)
    run_all()
    with redis.Redis.from_url(broker.url) as client:
        assert client.keys(f"*{job.id}*") == []


def test_all_failed_jobs_are_retried_in_one_call(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("final", {}, {})] * 7)
    run_all()
    assert queue.retry_failed() == 7
    assert queue.jobs("waiting").total == 7


def test_a_queue_moves_no_job_of_another(engine: Engine, queue: Queue, run_all: RunAll) -> None:
    other, delayed = engine.queue("export"), queue.enqueue("noop", delay=60)
    failed = queue.enqueue("final")
    run_all()
    ids = [failed.id, delayed.id]
    for move in (other.retry, other.run_again, other.promote, other.remove):
        for job_id in ids:
            with pytest.raises(JobNotFound):
                move(job_id)
    assert [move(ids) for move in (other.retry_failed, other.promote_many, other.remove_many)] == [0, 0, 0]
    assert (queue.job(failed.id).state, queue.job(delayed.id).state) == ("failed", "delayed")


def test_failures_that_are_alike_are_one_group(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("boom", {}, {"attempts": 1 + n % 3}) for n in range(9)] + [("final", {}, {})])
    run_all()
    groups = queue.failure_groups()
    assert [(group.signature, group.count) for group in groups] == [
        ("ValueError: broken on attempt …", 9),
        ("FinalError: never again", 1),
    ]
    assert queue.retry_failed(groups[0].ids) == 9


def test_a_scan_sees_every_job_once_in_order_however_many_there_are(queue: Queue) -> None:
    ids = [job.id for job in queue.enqueue_many([("echo", {}, {}) for _ in range(6000)])]
    assert [job_id for job_id, _ in queue.scan("waiting", ())] == ids
    assert [job_id for job_id, (kind,) in queue.scan("waiting", ("type",), newest=2600) if kind == "echo"] == ids[:2600]


def test_the_latest_runs_of_a_type_are_looked_for_among_the_newest_jobs(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("echo", {}, {}), *[("boom", {}, {"attempts": 1})] * 2, ("final", {}, {}), ("final", {}, {})])
    run_all()
    newest_first = [job.id for job in queue.jobs("failed", 0, 10).jobs if job.name == "boom"]
    assert [job.id for job in queue.latest("failed", "boom", limit=5, newest=4)] == newest_first
    assert [job.id for job in queue.latest("failed", "boom", limit=1, newest=4)] == newest_first[:1]
    assert len(queue.latest("failed", "boom", limit=5, newest=3)) == 1


def test_a_search_among_large_jobs_stops_early_and_goes_on_where_it_stopped(queue: Queue) -> None:
    noise = os.urandom(300_000).hex()  # RQ compresses what it can
    queue.enqueue_many([("echo", {"text": noise, "place": "İzmir" if n > 27 else ""}, {}) for n in range(30)])
    found, cursor, rounds = [], 0, 0
    while cursor is not None:
        page = queue.find("waiting", JobFilter("izmir"), cursor, limit=50, seconds=0)
        found, cursor, rounds = found + page.jobs, page.cursor, rounds + 1
    assert (len(found), rounds) == (2, 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"bookingId": 4711', True),
        ("null", True),
        ("true", True),
        ("\\\\server", True),
        ("\\server", True),
        ('it\'s "here"', True),
        ('it\'s \\"here\\"', True),
        ("👨‍👩‍👧", True),
        ("Ş", True),
        ("{'", False),
        ("None", False),
        ("'bookingId'", False),
    ],
)
def test_a_search_compares_with_the_json_that_is_shown(queue: Queue, text: str, found: bool) -> None:
    data = {"bookingId": 4711, "a": None, "b": True, "c": "\\server", "d": 'it\'s "here"', "e": "👨‍👩‍👧 ş"}
    job = queue.enqueue("echo", data)
    queue.enqueue("echo", {"bookingId": 4712})
    assert [each.id for each in queue.search("waiting", text).jobs] == ([job.id] if found else [])


def test_a_search_finds_by_id_type_and_data_and_goes_on_at_its_cursor(queue: Queue) -> None:
    queue.enqueue_many([("echo", {"city": "Ankara" if n % 5 else "İzmir"}, {}) for n in range(100)])
    first = queue.search("waiting", "IZMIR", limit=15)
    second = queue.search("waiting", "İzmir", cursor=first.cursor or 0, limit=15)
    assert (len(first.jobs), len(second.jobs), second.cursor) == (15, 5, None)


def test_jobs_are_removed_from_long_lists_a_few_at_a_time(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "_PLACES_AT_ONCE", 300)
    jobs = queue.enqueue_many([("noop", {}, {})] * 200)
    assert queue.remove_many([job.id for job in jobs[::2]]) == 100
    assert [job.id for job in queue.jobs("waiting", 0, 200).jobs] == [job.id for job in jobs[1::2]]


def test_counters_agree_with_what_ran(engine: Engine, queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("noop", {}, {})] * 30 + [("final", {}, {})] * 4 + [("boom", {}, {"attempts": 3})] * 2)
    run_all(concurrency=2)
    stats = engine.stats()[0]
    assert (stats.processed_completed, stats.processed_failed, stats.retries) == (30, 6, 4)
    assert sum(stats.counts.durations["noop"]) == 30
    assert sum(stats.counts.waits) == 40


def test_minutes_that_are_over_are_added_to_the_totals_once(engine: Engine, queue: Queue) -> None:
    counts = {"29000000|noop|completed|2|3": 5, "29000000|d|noop": 2_000_000, "29000000|w": 7}
    engine.broker.client.hset(queue.keys.counts, mapping=counts)
    for _ in range(2):
        assert engine.stats()[0].processed_completed == 5
    assert engine.stats()[0].counts.duration_seconds["noop"] == 2.0


def test_history_has_a_point_a_minute(queue: Queue, run_all: RunAll) -> None:
    queue.enqueue_many([("noop", {}, {})] * 3)
    run_all()
    history = queue.history(5)
    assert len(history) == 5
    assert sum(point.completed for point in history) == 3
    assert all((quantile(point.durations(), 0.95) or 0) < 1 for point in history)


def test_the_oldest_waiting_job_is_known(engine: Engine, queue: Queue) -> None:
    assert engine.stats()[0].oldest_waiting_seconds is None
    queue.enqueue("noop", priority=9)
    time.sleep(0.2)
    queue.enqueue("noop", priority=1)
    assert 0.15 < (engine.stats()[0].oldest_waiting_seconds or 0) < 5


def test_pages_of_sorted_states_merge_the_bands(queue: Queue) -> None:
    jobs = queue.enqueue_many([("noop", {}, {"delay": 1000 - n, "priority": 1 + n % 10}) for n in range(100)])
    page = queue.jobs("delayed", 10, 20)
    assert page.total == 100
    assert [job.id for job in page.jobs] == [job.id for job in jobs[::-1][10:20]]


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, 1001)])
def test_a_range_that_cannot_be_is_refused(queue: Queue, start: int, end: int) -> None:
    with pytest.raises(InvalidJobOption, match="range"):
        queue.jobs("waiting", start, end)


@pytest.fixture
def failed_while_looked_for(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scan of failed jobs is followed by somebody's retry of all of them, before its caller goes on."""
    scan = queue.scan

    def scan_then_retry(*args: Any) -> Iterator[Any]:
        rows = list(scan(*args))
        queue.retry_failed([job_id for job_id, _ in rows])
        return iter(rows)

    monkeypatch.setattr(queue, "scan", scan_then_retry)


def test_cleaning_removes_no_job_that_was_retried_meanwhile(
    queue: Queue, run_all: RunAll, failed_while_looked_for: None
) -> None:
    queue.enqueue_many([("final", {}, {})] * 3)
    run_all()
    assert queue.clean(timedelta(0), state="failed") == 0
    assert queue.jobs("waiting").total == 3


@pytest.mark.parametrize("state", ["completed", "failed", "delayed"])
def test_jobs_are_removed_from_the_named_state_alone(queue: Queue, state: str) -> None:
    waiting = queue.enqueue("noop")
    delayed = queue.enqueue("noop", delay=60)
    assert queue.remove_many([waiting.id, delayed.id], state) == (state == "delayed")
    assert queue.jobs("waiting").total == 1


def test_every_failed_job_is_retried_however_many_there_are(queue: Queue, broker: Broker) -> None:
    count = 6_000
    jobs = queue.enqueue_many([("noop", {}, {"priority": 1 + n % 10}) for n in range(count)])
    with redis.Redis.from_url(broker.url) as client:
        pipeline = client.pipeline(transaction=False)
        for number, job in enumerate(jobs):
            sub_queue = queue.keys.sub_queue(job.priority)
            pipeline.lpop(f"rq:queue:{sub_queue}")
            pipeline.zadd(f"rq:failed:{sub_queue}", {job.id: 4e9 + number})
            pipeline.hset(f"rq:job:{job.id}", mapping={"status": "failed", "ended_at": "2026-01-01T00:00:00.000000Z"})
        pipeline.execute()
    assert len({job_id for job_id, _ in queue.scan("failed", ())}) == count
    found, cursor = set(), 0
    while cursor is not None:
        page = queue.search("failed", "noop", cursor=cursor, limit=500)
        found |= {job.id for job in page.jobs}
        cursor = page.cursor
    assert len(found) == count
    assert queue.retry_failed() == count
    assert queue.jobs("failed").total == 0


def test_ended_jobs_are_listed_by_their_end_however_long_they_are_kept(
    queue: Queue, run_all: Callable[..., None]
) -> None:
    ages = [False, {"age": 3600}, {"age": 60}, {"age": 90_000}, {}]
    kept = [{"remove_on_complete": age} if (age := ages[number % 5]) != {} else {} for number in range(12)]
    made = queue.enqueue_many([("noop", {}, {**options, "priority": 3 + n // 6}) for n, options in enumerate(kept)])
    run_all()
    newest = [job.id for job in reversed(made)]
    assert [job.id for job in queue.jobs("completed", 0, 20).jobs] == newest
    assert [job.id for job in queue.jobs("completed", 5, 8).jobs] == newest[5:8]


def test_the_jobs_that_ended_first_are_removed_first_however_long_they_are_kept(
    queue: Queue, run_all: Callable[..., None]
) -> None:
    retention = [{"remove_on_complete": {"age": age, "count": 8}} for age in (3600, 60, 90_000)]
    made = queue.enqueue_many([("noop", {}, {**retention[n % 3], "priority": 3 + n // 6}) for n in range(12)])
    run_all()
    assert {job.id for job in queue.jobs("completed", 0, 20).jobs} == {job.id for job in made[4:]}
