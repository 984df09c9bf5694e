"""What becomes of a job that runs."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import redis

from gnb.queueing import InvalidJobState, JobNotFound, Queue
from tests.servers import Broker

from .conftest import Workers, make_engine, wait_for

RunAll = Callable[..., None]
Start = Callable[..., Workers]


def test_a_result_is_kept(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("echo", {"a": [1, "ü"]})
    run_all()
    done = queue.job(job.id)
    assert (done.state, done.return_value, done.progress["percent"]) == ("completed", {"a": [1, "ü"]}, 100)
    assert done.started_at and done.finished_at and done.started_at <= done.finished_at


def test_jobs_run_by_priority_and_within_one_in_the_order_they_came(queue: Queue, run_all: RunAll) -> None:
    order = [5, 1, 10, 3, 1, 7, 3, 2]
    jobs = [queue.enqueue("noop", priority=priority) for priority in order]
    run_all()
    ran = sorted(jobs, key=lambda job: queue.job(job.id).started_at)  # type: ignore[arg-type,return-value]
    assert [job.id for job in ran] == [job.id for job in sorted(jobs, key=lambda job: job.priority)]


def test_a_waiting_job_can_change_its_priority(queue: Queue) -> None:
    first, second = queue.enqueue("noop"), queue.enqueue("noop")
    queue.set_priority(second.id, 1)
    assert [job.id for job in queue.jobs("waiting").jobs] == [second.id, first.id]
    assert queue.job(second.id).priority == 1


def test_a_job_that_fails_is_tried_again_until_its_attempts_are_spent(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("boom")
    run_all()
    failed, attempts = queue.job_and_attempts(job.id)
    assert (failed.state, failed.attempts_made) == ("failed", 3)
    assert failed.failed_reason == "ValueError: broken on attempt 3"
    assert [(attempt.number, attempt.outcome) for attempt in attempts] == [
        (3, "failed"),
        (2, "retried"),
        (1, "retried"),
    ]
    assert "broken on attempt 3" in failed.stacktrace[0] and "broken on attempt 1" in failed.stacktrace[2]
    assert "warm_worker" not in failed.stacktrace[0]


def test_a_job_that_succeeds_at_last_is_completed(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("flaky")
    run_all()
    assert (queue.job(job.id).state, queue.job(job.id).return_value) == ("completed", 3)


def test_a_retry_waits_for_its_backoff(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("boom", backoff={"type": "exponential", "delay": 60})
    run_all()
    delayed = queue.job(job.id)
    assert delayed.state == "delayed" and delayed.run_at and delayed.finished_at is None
    assert 55 < delayed.run_at.timestamp() - time.time() <= 60


def test_a_final_error_is_not_tried_again(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("final")
    run_all()
    assert (queue.job(job.id).state, queue.job(job.id).attempts_made) == ("failed", 1)


def test_a_job_can_say_when_it_is_to_be_tried_again(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("later")
    run_all()
    run_at = queue.job(job.id).run_at
    assert run_at and 25 < run_at.timestamp() - time.time() <= 30


def test_a_retry_that_is_to_use_no_attempt_uses_none(queue: Queue, run_all: RunAll, broker: Broker) -> None:
    job = queue.enqueue("busy", {"answers": 5, "url": broker.url})
    run_all()
    done, attempts = queue.job_and_attempts(job.id)
    numbers = [(attempt.number, attempt.outcome) for attempt in reversed(attempts)]
    assert numbers == [*[(1, "retried")] * 6, (2, "retried"), (3, "completed")]
    assert (done.state, done.attempts_made, done.return_value) == ("completed", 3, 3)


def test_data_that_no_longer_fits_fails_with_the_field_and_without_a_stack(
    queue: Queue, run_all: RunAll, broker: Broker
) -> None:
    job = queue.enqueue("numbered", {"n": 1}, attempts=5)
    with redis.Redis.from_url(broker.url) as client:
        client.hset(f"rq:job:{job.id}", "data", b'["tests.integration.engine.types.numbered",null,[],{"n":"one"}]')
    run_all()
    failed = queue.job(job.id)
    assert failed.failed_reason == "InvalidJobData: n: Not a valid integer."
    assert failed.stacktrace == ("InvalidJobData: n: Not a valid integer.",)
    assert failed.attempts_made == 1


def test_a_path_that_is_not_declared_never_runs(queue: Queue, run_all: RunAll, broker: Broker) -> None:
    job = queue.enqueue("noop")
    with redis.Redis.from_url(broker.url) as client:
        client.hset(f"rq:job:{job.id}", "data", b'["os.getcwd",null,[],{}]')
    run_all()
    assert queue.job(job.id).failed_reason == "UnknownJobType: 'os.getcwd' is not a declared job type"


def test_a_job_over_its_timeout_fails(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("sleep", {"seconds": 20}, timeout=1)
    run_all()
    assert queue.job(job.id).failed_reason == "JobTimedOut: the job ran longer than its timeout of 1 seconds"


def test_a_job_deaf_to_its_timeout_is_killed(queue: Queue, start: Start) -> None:
    job = queue.enqueue("deaf", {"seconds": 40}, timeout=1)
    after = queue.enqueue("noop")
    start()
    wait_for(lambda: queue.job(job.id).state == "failed", 15)
    assert "and was killed" in (queue.job(job.id).failed_reason or "")
    wait_for(lambda: queue.job(after.id).state == "completed")


def test_progress_and_log_lines_are_seen_while_the_job_runs(queue: Queue, start: Start) -> None:
    job = queue.enqueue("talk", {"lines": 1200, "seconds": 3})
    start()
    lines = wait_for(lambda: (found := queue.logs(job.id)) and found[-1] == "line 1199" and found)
    running = queue.job(job.id)
    assert (running.state, running.progress) == ("active", {"percent": 40.0, "message": "4 of 10"})
    assert len(lines) == 1000 and lines[0] == "line 200"


def test_a_stopped_job_fails_and_is_not_tried_again(queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 30}, attempts=5)
    start()
    wait_for(lambda: queue.job(job.id).state == "active")
    queue.stop(job.id)
    wait_for(lambda: queue.job(job.id).state == "failed", 2)
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["stopped"]


def test_a_job_deaf_to_a_stop_is_killed_within_two_seconds(queue: Queue, start: Start) -> None:
    job = queue.enqueue("deaf", {"seconds": 30})
    start()
    wait_for(lambda: queue.job(job.id).state == "active")
    queue.stop(job.id)
    wait_for(lambda: queue.job(job.id).state == "failed", 3)


def test_removing_a_running_job_stops_it(queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    start()
    wait_for(lambda: queue.job(job.id).state == "active")
    queue.remove(job.id)
    with pytest.raises(JobNotFound):
        queue.job(job.id)


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
def test_a_job_can_be_removed_in_every_state(queue: Queue, run_all: RunAll, broker: Broker, state: str) -> None:
    kind = {"completed": "noop", "failed": "final"}.get(state, "noop")
    job = queue.enqueue(kind, delay=60 if state == "delayed" else 0)
    if state in ("completed", "failed"):
        run_all()
    assert queue.job(job.id).state == state
    queue.remove(job.id)
    assert queue.jobs(state).total == 0
    with redis.Redis.from_url(broker.url) as client:
        assert client.keys(f"*{job.id}*") == []


def test_a_delayed_job_runs_within_a_second_of_its_time(queue: Queue, start: Start) -> None:
    start()
    first = queue.enqueue("noop")
    wait_for(lambda: queue.job(first.id).state == "completed")  # the worker is there
    job = queue.enqueue("noop", delay=1.5)
    looks = [time.monotonic()]

    def completed() -> bool:
        looks.append(time.monotonic())
        return queue.job(job.id).state == "completed"

    wait_for(completed)
    (attempt,) = queue.attempts(job.id)
    assert attempt.started_at and job.run_at
    late = (attempt.started_at - job.run_at).total_seconds()
    # On a busy machine supervisor, broker and worker stand still as long as this process, which looks every 10 ms.
    standstill = max(later - earlier for earlier, later in pairwise(looks))
    assert 0 <= late < 1.1 + 3 * standstill


def test_a_promoted_job_does_not_wait_for_its_time(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("noop", delay=3600)
    queue.promote(job.id)
    run_all()
    assert queue.job(job.id).state == "completed"


def test_a_retried_job_has_all_its_attempts_again_and_keeps_its_history(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("boom", attempts=2)
    run_all()
    queue.retry(job.id)
    waiting = queue.job(job.id)
    assert (waiting.state, waiting.failed_reason, waiting.finished_at) == ("waiting", None, None)
    run_all()
    assert [attempt.number for attempt in queue.attempts(job.id)] == [2, 1, 2, 1]


def test_only_a_failed_job_can_be_retried(queue: Queue) -> None:
    job = queue.enqueue("noop")
    with pytest.raises(InvalidJobState, match="waiting"):
        queue.retry(job.id)


def test_a_job_of_another_queue_is_not_found(queue: Queue) -> None:
    job = queue.enqueue("noop")
    with pytest.raises(JobNotFound):
        make_engine(queue.broker.url).queue("export").job(job.id)


def test_every_attempt_up_to_a_hundred_is_kept_with_its_error(queue: Queue, run_all: RunAll) -> None:
    few, many = queue.enqueue("boom", attempts=15), queue.enqueue("boom", attempts=103)
    run_all()
    failed, attempts = queue.job_and_attempts(few.id)
    assert [attempt.number for attempt in attempts] == list(range(15, 0, -1))
    assert len(failed.stacktrace) == 15
    assert [attempt.number for attempt in queue.attempts(many.id)] == list(range(103, 3, -1))


def test_the_start_that_is_shown_is_the_one_that_the_rate_limit_counts(broker: Broker, start: Start) -> None:
    engine = make_engine(broker.url, "50/60s")
    queue = engine.queue("email")
    jobs = [queue.enqueue("noop").id for _ in range(20)]
    start(3, on=engine, burst=True).wait()
    with redis.Redis.from_url(broker.url) as client:
        counted = sorted(float(moment) for moment in client.lrange("gnb:starts:email", 0, -1))
    shown = sorted(queue.job(job_id).started_at.timestamp() for job_id in jobs)  # type: ignore[union-attr]
    assert shown == pytest.approx(counted, abs=2e-6)


def test_an_idle_worker_starts_a_job_at_once(queue: Queue, start: Start) -> None:
    start()
    wait_for(lambda: queue.job(queue.enqueue("noop", job_id="warm-up").id).state == "completed")
    time.sleep(0.3)
    job = queue.enqueue("noop")
    done = wait_for(lambda: (found := queue.job(job.id)).state == "completed" and found)
    assert (done.started_at - done.created_at).total_seconds() < 0.5


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("surrogate", "ValueError: half ? of a pair"),
        ("nul", "ValueError: a\ufffdb"),
        ("huge", "ValueError: xxx"),
        ("str", "Unprintable: its message cannot be read: __str__ failed"),
    ],
)
def test_a_job_fails_with_its_own_error_whatever_its_text(queue: Queue, run_all: RunAll, kind: str, error: str) -> None:
    job, after = queue.enqueue("strange-error", {"kind": kind}), queue.enqueue("noop")
    run_all()
    failed = queue.job(job.id)
    assert failed.failed_reason
    assert failed.failed_reason.startswith(error)
    assert len(failed.failed_reason) <= 500
    assert queue.job(after.id).state == "completed"
    assert queue.logs(job.id)[0].startswith("log: ")
