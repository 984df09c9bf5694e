"""Workers, supervisors and the broker die or stand still; no job is lost, and none runs twice at once."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from gnb.queueing import Engine, Queue
from gnb.queueing.maintenance import Sweeper
from gnb.queueing.worker.supervisor import HEARTBEAT_INTERVAL
from tests import servers

from .conftest import Workers, make_engine, wait_for

Start = Callable[..., Workers]


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[servers.Broker]:
    """A broker with an append-only file, that a test may kill."""
    server = servers.Broker(tmp_path / "broker", durable=True)
    server.start()
    yield server
    server.stop()


def active_worker(engine: Engine) -> int:
    """The process id of a worker that runs a job."""
    busy = wait_for(lambda: [worker for worker in engine.workers() if worker.job_id])
    return int(busy[0].pid)


def test_the_job_of_a_killed_worker_runs_again_with_its_attempt_unspent(
    engine: Engine, queue: Queue, start: Start
) -> None:
    job = queue.enqueue("sleep", {"seconds": 3})
    start()
    for _ in range(2):
        send(active_worker(engine), signal.SIGKILL)
        wait_for(lambda: queue.job(job.id).state == "waiting" or queue.job(job.id).stalls)
    wait_for(lambda: queue.job(job.id).state == "completed", 30)
    outcomes = [(attempt.number, attempt.outcome) for attempt in queue.attempts(job.id)]
    assert outcomes == [(1, "completed"), (1, "stalled"), (1, "stalled")]


def test_a_job_that_kills_its_worker_a_third_time_spends_its_attempt(
    engine: Engine, queue: Queue, start: Start
) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    start()
    for stalls in (1, 2):
        send(active_worker(engine), signal.SIGKILL)
        wait_for(lambda stalls=stalls: queue.job(job.id).stalls == stalls)
    send(active_worker(engine), signal.SIGKILL)
    wait_for(lambda: queue.job(job.id).state == "failed")
    assert "Stalled" in (queue.job(job.id).failed_reason or "")


def test_a_process_past_its_memory_is_replaced_once_its_job_is_done(engine: Engine, queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": HEARTBEAT_INTERVAL + 1})
    start(max_memory=1)
    first = active_worker(engine)
    wait_for(lambda: queue.job(job.id).state == "completed")
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["completed"]
    wait_for(lambda: not Path(f"/proc/{first}").exists())
    wait_for(lambda: [worker for worker in engine.workers() if worker.pid != first])


def test_a_process_is_replaced_after_its_number_of_jobs(
    engine: Engine, queue: Queue, start: Start, broker: servers.Broker
) -> None:
    ids = [queue.enqueue("note", {"url": engine.url}).id for _ in range(5)]
    start(jobs_per_process=2)
    wait_for(lambda: all(queue.job(each).state == "completed" for each in ids))
    with redis.Redis.from_url(broker.url) as client:
        pids = [note.split()[1] for note in client.lrange("notes", 0, -1) if b" start " in note]
    assert [len(list(same)) for _, same in itertools.groupby(pids)] == [2, 2, 1]


def test_a_burst_does_all_that_waits_in_one_process(queue: Queue, run_all: Callable[..., None]) -> None:
    ids = [queue.enqueue("sleep", {"seconds": 0}).id for _ in range(3)]
    run_all(jobs_per_process=2)
    assert [queue.job(each).state for each in ids] == ["completed"] * 3


def test_a_killed_supervisor_takes_its_workers_along_and_another_takes_their_jobs_back(
    engine: Engine, queue: Queue, start: Start
) -> None:
    job = queue.enqueue("sleep", {"seconds": 2})
    first = start()
    pid = active_worker(engine)
    start()
    first.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 5)
    killed = time.monotonic()
    wait_for(lambda: queue.job(job.id).state == "completed", 35)
    assert time.monotonic() - killed < 33
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["completed", "stalled"]


def test_a_shutdown_lets_a_job_finish_within_its_grace(queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 1.5})
    workers = start(grace=10)
    wait_for(lambda: queue.job(job.id).state == "active")
    assert workers.stop() == 0
    assert queue.job(job.id).state == "completed"


def test_a_shutdown_hands_a_long_job_back_to_the_front_with_its_attempt_unspent(queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    workers = start(grace=0.5)
    wait_for(lambda: queue.job(job.id).state == "active")
    other = queue.enqueue("noop")
    assert workers.stop() == 0
    assert [each.id for each in queue.jobs("waiting").jobs] == [job.id, other.id]
    assert queue.job(job.id).attempts_made == 0
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["released"]


def test_a_second_interrupt_hands_back_at_once(queue: Queue, start: Start) -> None:
    job = queue.enqueue("sleep", {"seconds": 30})
    workers = start(grace=30)
    wait_for(lambda: queue.job(job.id).state == "active")
    workers.signal(signal.SIGINT)
    time.sleep(1)
    assert queue.job(job.id).state == "active"
    workers.signal(signal.SIGINT)
    assert workers.wait(5) == 0
    assert queue.job(job.id).state == "waiting"


def test_an_idle_supervisor_ends_at_once_and_leaves_no_worker_registered(engine: Engine, start: Start) -> None:
    workers = start(concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2)
    workers.signal(signal.SIGTERM)
    assert workers.wait(3) == 0
    assert engine.workers() == []


def test_accepted_jobs_outlive_a_killed_broker(durable: servers.Broker, start: Start) -> None:
    engine = make_engine(durable.url)
    queue = engine.queue("email")
    start(on=engine)
    queue.pause()
    jobs = queue.enqueue_many([("noop", {}, {})] * 200)
    time.sleep(1.5)  # the append-only file is synced every second
    durable.kill()
    durable.start()
    wait_for(lambda: reachable(engine), 15)
    queue.resume()
    wait_for(lambda: all(queue.job(job.id).state == "completed" for job in jobs), 30)


def test_workers_come_back_by_themselves_and_store_what_was_computed_meanwhile(
    durable: servers.Broker, start: Start
) -> None:
    engine = make_engine(durable.url)
    queue = engine.queue("email")
    job = queue.enqueue("sleep", {"seconds": 2})
    start(on=engine)
    wait_for(lambda: queue.job(job.id).state == "active")
    time.sleep(1.2)
    durable.kill()
    time.sleep(2)
    durable.start()
    wait_for(lambda: reachable(engine), 15)
    wait_for(lambda: queue.job(job.id).state == "completed", 20)
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["completed"]


def test_an_idle_worker_ends_at_once_although_the_broker_is_unreachable(durable: servers.Broker, start: Start) -> None:
    engine = make_engine(durable.url)
    workers = start(on=engine)
    wait_for(lambda: len(engine.workers()) == 1)
    durable.kill()
    time.sleep(1.5)  # until it has found that out
    began = time.monotonic()
    assert workers.stop() == 0
    assert time.monotonic() - began < 10  # of the 25 s that one with an outcome to write would have


def test_a_success_is_never_made_a_failure_by_a_sweep(engine: Engine, queue: Queue, start: Start) -> None:
    job = queue.enqueue("noop")
    start(burst=True).wait()
    with redis.Redis.from_url(engine.url) as client:
        client.zadd("rq:wip:email", {f"{job.id}:gone": 1})
        sweeper = Sweeper(engine, client)
        sweeper._expired_since = {("email", f"{job.id}:gone"): time.monotonic() - 60}
        client.hset(f"rq:job:{job.id}", "status", "finished")
        sweeper.sweep()
    assert queue.job(job.id).state == "completed"
    assert queue.jobs("failed").total == 0


def test_a_lease_that_is_renewed_between_two_looks_is_left_alone(engine: Engine, queue: Queue) -> None:
    job = queue.enqueue("noop")
    member = f"{job.id}:execution"
    with redis.Redis.from_url(engine.url) as client:
        client.lpop("rq:queue:email")
        client.zadd("rq:wip:email", {member: time.time() + 60})
        sweeper = Sweeper(engine, client)
        sweeper._expired_since = {("email", member): time.monotonic() - 60}
        assert sweeper._requeue("email", member) is False
        assert client.zscore("rq:wip:email", member)


def test_jobs_survive_workers_that_are_killed_at_random(engine: Engine, queue: Queue, start: Start) -> None:
    # A job whose worker is killed a third time has used an attempt, and must not fail by that.
    jobs = queue.enqueue_many([("note", {"url": engine.url, "seconds": 0.01}, {"attempts": 3}) for _ in range(300)])
    supervisors = [start(concurrency=2) for _ in range(2)]
    rng = random.Random(7)
    deadline = time.monotonic() + 90
    while queue.jobs("completed", 0, 0).total < len(jobs) and time.monotonic() < deadline:
        living = [worker.pid for worker in engine.workers() if worker.pid]
        if living and queue.jobs("waiting", 0, 0).total > 20:
            send(rng.choice(living), signal.SIGKILL)
            if rng.random() < 0.15:
                victim = supervisors.pop(0)
                victim.kill()
                supervisors.append(start(concurrency=2))
        time.sleep(0.2)
    assert queue.jobs("completed", 0, 0).total == len(jobs)
    assert queue.jobs("failed").total == 0
    assert engine.stats()[0].processed_completed == len(jobs)
    assert never_twice_at_once(engine)


def never_twice_at_once(engine: Engine) -> bool:
    """Whether no two runs of a job that both reached their end overlap."""
    with redis.Redis.from_url(engine.url) as client:
        notes = [line.decode().split() for line in client.lrange("notes", 0, -1)]
    starts = {(job, pid): float(at) for job, pid, what, at in notes if what == "start"}
    runs = sorted((job, starts[job, pid], float(at)) for job, pid, what, at in notes if what == "end")
    return all(one[0] != next_[0] or one[2] <= next_[1] for one, next_ in itertools.pairwise(runs))


def reachable(engine: Engine) -> bool:
    try:
        with redis.Redis.from_url(engine.url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
