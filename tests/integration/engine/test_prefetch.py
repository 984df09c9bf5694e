"""A worker process that dequeues and finishes several jobs with one call."""

import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis
from rq.job import Job as RQJob

from gnb.queueing import Engine, InvalidJobOption, JobNotFound, Queue, QueueOptions
from gnb.queueing.scripts import DEQUEUE, DequeueArgs, run
from tests.servers import Broker

from .conftest import DEFAULTS, Workers, wait_for
from .test_losing_nothing import never_twice_at_once, send

PREFETCH = 8


@pytest.fixture
def engine(broker: Broker) -> Engine:
    return Engine(broker.url, {"email": QueueOptions(DEFAULTS, prefetch=PREFETCH)})


@pytest.fixture
def client(engine: Engine) -> Any:
    return engine.broker.client


def ids_of(queue: Queue, state: str) -> list[str]:
    return [job.id for job in queue.jobs(state, 0, 50).jobs]


def enqueue(queue: Queue, count: int, **options: Any) -> list[str]:
    return [job.id for job in queue.enqueue_many([("noop", {}, options)] * count)]


def dequeue(queue: Queue, **changes: Any) -> list[str]:
    """The ids of what one call of a worker dequeues."""
    args = DequeueArgs("w", "0" * 32, "2026-01-01T00:00:00.000000Z", 12, "none", "none", prefetch=PREFETCH)
    answer = run(queue.broker.client, DEQUEUE, queue.keys.for_worker("w"), [*args._replace(**changes)])
    return [element.decode() for element in answer[2::15]]


def holding(queue: Queue, start: Callable[..., Workers], **options: Any) -> list[str]:
    """The ids of a job that runs until `let_go` without a signal of the timer, and of three that its worker holds."""
    long = queue.enqueue("unresponsive", {"url": queue.broker.url}, **options).id
    ids = [long, *enqueue(queue, 3, **options)]
    start()
    wait_for(lambda: queue.jobs("active").total == len(ids))
    return ids


def let_go(queue: Queue) -> None:
    queue.broker.client.set("go", 1)


def outcomes(queue: Queue, job_id: str) -> list[str]:
    return [attempt.outcome for attempt in queue.attempts(job_id)]


# What a call dequeues


def test_jobs_are_dequeued_in_order_and_up_to_the_end_of_a_sub_queue(queue: Queue) -> None:
    later, first = enqueue(queue, 12), queue.enqueue("noop", priority=1).id
    assert dequeue(queue) == [first, *later[:7]]
    urgent = [queue.enqueue("noop", priority=priority).id for priority in (2, 1, 1)]
    assert dequeue(queue) == urgent[1:]


@pytest.mark.parametrize("limits", [{"rate_limit": "50/60s"}, {"concurrency_limit": "50"}])
def test_with_a_limit_one_job_is_dequeued(queue: Queue, limits: dict[str, str]) -> None:
    ids = enqueue(queue, 3)
    assert dequeue(queue, **limits) == ids[:1]


def test_a_limit_that_is_set_at_run_time_holds_at_the_next_call(queue: Queue) -> None:
    enqueue(queue, 12)
    assert len(dequeue(queue)) == PREFETCH
    queue.set_limits({"rate_limit": "50/60s"})
    assert len(dequeue(queue)) == 1


def test_a_job_with_a_limit_of_its_key_is_dequeued_alone(queue: Queue) -> None:
    before = enqueue(queue, 2)
    limited = queue.enqueue("letter", {"url": "", "n": 1, "recipient": "a"}).id
    after = enqueue(queue, 2)
    assert [dequeue(queue) for _ in range(3)] == [before, [limited], after]


def test_a_job_whose_worker_was_lost_is_dequeued_alone(queue: Queue, client: Any) -> None:
    ids = enqueue(queue, 5)
    client.hset(f"rq:job:{ids[2]}", "stalls", 1)
    assert [dequeue(queue) for _ in range(3)] == [ids[:2], ids[2:3], ids[3:]]


def test_ids_without_a_job_are_passed_over(queue: Queue, client: Any) -> None:
    ids = enqueue(queue, 4)
    client.delete(f"rq:job:{ids[1]}")
    assert dequeue(queue) == [ids[0], *ids[2:]]


def test_a_prefetch_beyond_its_bounds_is_rejected() -> None:
    with pytest.raises(InvalidJobOption, match="prefetch is 0; give a whole number from 1 to 255"):
        QueueOptions(prefetch=0)


# Jobs that run


def test_short_jobs_share_calls_and_each_has_its_own_execution(
    queue: Queue, client: Any, run_all: Callable[..., None]
) -> None:
    ids = enqueue(queue, 80)
    client.config_resetstat()
    run_all()
    assert client.info("commandstats")["cmdstat_lmpop"]["calls"] < 60
    assert Counter(queue.job(each).state for each in ids) == {"completed": 80}
    attempts = [queue.attempts(each) for each in ids]
    assert {len(of_job) for of_job in attempts} == {1}
    for one, following in itertools.pairwise(of_job[0] for of_job in attempts):
        assert one.started_at <= one.ended_at <= following.started_at
    assert [queue.job(each).started_at for each in ids] == [of_job[0].started_at for of_job in attempts]
    executions = {client.xrange(f"rq:results:{each}")[0][1][b"execution_id"] for each in ids}
    assert len(executions) == 80
    assert queue.jobs("active").total == 0


def test_jobs_of_one_call_end_each_in_its_own_way(queue: Queue, run_all: Callable[..., None]) -> None:
    parent = queue.enqueue("numbered", {"n": 3}, deduplication={"id": "a"})
    child = queue.enqueue("sum", {"n": 4}, depends_on=[parent.id])
    flaky, final, once = queue.enqueue("flaky"), queue.enqueue("final"), queue.enqueue("noop", remove_on_complete=True)
    run_all()
    assert [queue.job(job.id).state for job in (parent, child, flaky, final)] == [*["completed"] * 3, "failed"]
    assert (queue.job(child.id).return_value, outcomes(queue, flaky.id)) == (7, ["completed", "retried", "retried"])
    with pytest.raises(JobNotFound):
        queue.job(once.id)
    assert not queue.enqueue("numbered", {"n": 3}, deduplication={"id": "a"}).deduplicated


def test_a_long_job_gives_back_those_behind_it_and_reports_those_before_it(
    queue: Queue, start: Callable[..., Workers]
) -> None:
    before = enqueue(queue, 2)
    long = queue.enqueue("sleep", {"seconds": 2}).id
    behind = enqueue(queue, 3)
    since = [queue.job(each).enqueued_at for each in behind]
    start()
    wait_for(lambda: ids_of(queue, "active") == [long])
    assert ids_of(queue, "waiting") == behind
    assert {queue.job(each).state for each in before} == {"completed"}
    assert queue.job(long).started_at >= queue.job(before[1]).finished_at
    assert [queue.job(each).enqueued_at for each in behind] == since
    wait_for(lambda: queue.jobs("completed").total == 6)
    assert [outcomes(queue, each) for each in behind] == [["completed"]] * 3


def test_a_job_behind_others_has_its_whole_timeout(queue: Queue, start: Callable[..., Workers]) -> None:
    enqueue(queue, 2)
    ids = [queue.enqueue("sleep", {"seconds": seconds}, timeout=1).id for seconds in (0.7, 30)]
    start()
    wait_for(lambda: queue.job(ids[1]).state == "failed")
    assert queue.job(ids[0]).state == "completed"
    [attempt] = queue.attempts(ids[1])
    assert 1 <= (attempt.ended_at - attempt.started_at).total_seconds() < 2.5
    assert "JobTimedOut" in attempt.error


# Jobs that are held


def test_the_leases_of_held_jobs_are_renewed(queue: Queue, client: Any, start: Callable[..., Workers]) -> None:
    ids = holding(queue, start)
    leases = client.zrange("rq:wip:email", 0, -1, withscores=True)
    assert len(leases) == 4
    wait_for(lambda: all(client.zscore("rq:wip:email", member) > end + 1 for member, end in leases))
    let_go(queue)
    wait_for(lambda: queue.jobs("completed").total == 4)
    assert [outcomes(queue, each) for each in ids] == [["completed"]] * 4


def test_a_held_job_does_not_time_out_while_another_runs(queue: Queue, start: Callable[..., Workers]) -> None:
    long, *held = holding(queue, start, timeout=1)
    wait_for(lambda: queue.job(long).state == "failed")
    assert "JobTimedOut" in queue.job(long).failed_reason
    wait_for(lambda: queue.jobs("completed").total == 3)
    assert [queue.job(each).stalls for each in held] == [0] * 3


def test_a_held_job_that_is_stopped_does_not_start(queue: Queue, start: Callable[..., Workers]) -> None:
    long, *held = holding(queue, start)
    queue.stop(held[1])
    wait_for(lambda: queue.job(held[1]).state == "failed")
    let_go(queue)
    wait_for(lambda: queue.jobs("completed").total == 3)
    ends = ("completed", "completed", "stopped", "completed")
    assert [outcomes(queue, each) for each in (long, *held)] == [[end] for end in ends]


def test_a_held_job_that_rq_deletes_stays_gone(queue: Queue, client: Any, start: Callable[..., Workers]) -> None:
    gone = holding(queue, start)[1]
    RQJob.fetch(gone, client, serializer="json").delete()
    let_go(queue)
    wait_for(lambda: queue.jobs("completed").total == 3)
    assert client.exists(f"rq:job:{gone}") == 0


@pytest.mark.parametrize("how", ["shut down", "killed at the end of the grace", "quiet", "paused"])
def test_held_jobs_wait_again_at_their_places_and_unspent(
    engine: Engine, queue: Queue, client: Any, start: Callable[..., Workers], how: str
) -> None:
    grace = 0.5 if how == "killed at the end of the grace" else 25
    workers: list[Workers] = []
    long, *held = holding(queue, lambda: workers.append(start(grace=grace)))
    behind = enqueue(queue, 1)
    if how == "paused":
        queue.pause()
    elif how == "quiet":
        engine.quiet_worker(engine.workers()[0].name)
    else:
        workers[0].signal(signal.SIGTERM)
    time.sleep(0.5)  # longer than HOLD, and than a signal takes to reach the process
    if grace > 1:
        let_go(queue)
    wait_for(lambda: queue.jobs("active").total == 0)
    expected = [*([long] if grace < 1 else []), *held, *behind]
    assert ids_of(queue, "waiting") == expected
    assert [queue.job(each).stalls for each in expected] == [0] * len(expected)
    if grace > 1:
        assert [outcomes(queue, each) for each in expected] == [[]] * 4


def test_only_the_job_that_ran_when_its_worker_was_killed_has_stalled(
    engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    long, *held = holding(queue, start)
    send(int(engine.workers()[0].pid), signal.SIGKILL)
    let_go(queue)
    wait_for(lambda: queue.jobs("completed").total == 4)
    assert [queue.job(each).stalls for each in (long, *held)] == [1, 0, 0, 0]
    assert outcomes(queue, long) == ["completed", "stalled"]
    assert [outcomes(queue, each)[0] for each in held] == ["completed"] * 3


def test_a_job_that_kills_its_worker_fails_and_takes_no_other_with_it(
    queue: Queue, start: Callable[..., Workers]
) -> None:
    before, poison, behind = enqueue(queue, 2), queue.enqueue("kill-worker").id, enqueue(queue, 2)
    start()
    wait_for(lambda: queue.job(poison).state == "failed")
    wait_for(lambda: queue.jobs("completed").total == 4)
    assert [queue.job(each).stalls for each in before + behind] == [0] * 4


def test_workers_killed_at_random_lose_no_job_and_complete_each_once(
    engine: Engine, queue: Queue, client: redis.Redis, start: Callable[..., Workers]
) -> None:
    jobs = 600
    options = {"attempts": 20, "backoff": 0.1, "remove_on_complete": {"age": 3600}}
    made = queue.enqueue_many([("note", {"url": engine.url}, options)] * jobs)
    workers, chance, killed = [start(concurrency=2)], random.Random(5), 0
    deadline = time.monotonic() + 120
    while queue.jobs("completed", 0, 0).total < jobs and time.monotonic() < deadline:
        time.sleep(0.2)
        pids = [worker.pid for worker in engine.workers() if worker.pid]
        if queue.jobs("waiting", 0, 0).total > 30 and pids and killed < 12:
            send(chance.choice(pids), signal.SIGKILL)
            killed += 1
        if killed == 4 and len(workers) == 1:
            workers[0].kill()
            workers.append(start(concurrency=2))
    assert killed >= 3
    assert Counter(queue.job(each.id).state for each in made) == {"completed": jobs}
    stats = engine.stats()[0]
    assert (stats.processed_completed, stats.processed_failed, stats.active) == (jobs, 0, 0)
    assert [outcomes(queue, each.id).count("completed") for each in made] == [1] * jobs
    # Only what had ended and was not reported when its process was killed ran again.
    ran = Counter(line.split()[0] for line in client.lrange("notes", 0, -1) if b" end " in line)
    assert len(ran) == jobs
    assert sum(ran.values()) - jobs <= (killed + 2) * PREFETCH
    assert never_twice_at_once(engine)
