"""Jobs of one deduplication id: until the job ends, for a time (throttle), and replaced while delayed (debounce)."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
import redis
from rq import Queue as RQQueue
from rq import SimpleWorker

from gnb.queueing import Engine, InvalidJobOption, InvalidSchedule, Job, Queue, Schedule
from gnb.queueing.maintenance import promote
from tests.servers import Broker

from .conftest import Workers, make_engine, wait_for

Client = redis.Redis


@pytest.fixture
def client(broker: Broker) -> Client:
    return redis.Redis.from_url(broker.url)


def records(client: Client) -> list[bytes]:
    return list(client.scan_iter("gnb:deduplication:*"))


def test_one_job_is_made_until_it_has_ended(queue: Queue, run_all: Callable[..., None], client: Client) -> None:
    first = queue.enqueue("echo", {"n": 1}, deduplication={"id": "sitemap"})
    second = queue.enqueue("echo", {"n": 2}, deduplication={"id": "sitemap"})
    assert (first.deduplicated, second.deduplicated) == (False, True)
    assert second.id == first.id and second.data["n"] == 1
    run_all()
    assert records(client) == []
    third = queue.enqueue("echo", {"n": 3}, deduplication={"id": "sitemap"})
    assert not third.deduplicated and third.id != first.id


def test_a_running_and_a_retrying_job_hold_their_id(queue: Queue, start: Callable[..., Workers]) -> None:
    start(concurrency=2)
    running = queue.enqueue("sleep", {"seconds": 20}, deduplication={"id": "a"})
    retrying = queue.enqueue("later", deduplication={"id": "b"})
    wait_for(lambda: (queue.job(running.id).state, queue.job(retrying.id).state) == ("active", "delayed"))
    for held, name in ((running, "a"), (retrying, "b")):
        again = queue.enqueue("noop", deduplication={"id": name})
        assert (again.deduplicated, again.id, again.name) == (True, held.id, held.name)


@pytest.mark.parametrize("job_type", ["boom", "final"])
def test_a_failed_job_frees_its_id_and_holds_it_again_when_it_is_retried(
    queue: Queue, run_all: Callable[..., None], job_type: str, client: Client
) -> None:
    failed = queue.enqueue(job_type, deduplication={"id": "x"})
    run_all()
    assert queue.job(failed.id).state == "failed" and records(client) == []
    queue.retry(failed.id)
    assert queue.enqueue("noop", deduplication={"id": "x"}).id == failed.id


def test_a_retried_job_does_not_take_the_id_from_the_job_that_holds_it_now(
    queue: Queue, run_all: Callable[..., None]
) -> None:
    failed = queue.enqueue("final", deduplication={"id": "x"})
    run_all()
    newer = queue.enqueue("noop", deduplication={"id": "x"})
    queue.retry(failed.id)
    assert queue.enqueue("noop", deduplication={"id": "x"}).id == newer.id
    queue.remove(failed.id)
    assert queue.enqueue("noop", deduplication={"id": "x"}).id == newer.id


@pytest.mark.parametrize("options", [{}, {"ttl": 60}])
@pytest.mark.parametrize("remove", [lambda queue, job: queue.remove(job.id), lambda queue, job: queue.drain()])
@pytest.mark.parametrize("delay", [0, 60])
def test_a_removed_or_drained_job_frees_its_id(
    queue: Queue, client: Client, options: dict[str, int], remove: Callable[[Queue, Job], None], delay: int
) -> None:
    job = queue.enqueue("noop", delay=delay, deduplication={"id": "x", **options})
    remove(queue, job)
    assert records(client) == []
    assert not queue.enqueue("noop", deduplication={"id": "x", **options}).deduplicated


def test_a_job_that_rq_deleted_or_ran_holds_its_id_no_longer(queue: Queue, client: Client) -> None:
    stock = RQQueue("email", connection=client, serializer="json")
    deleted = queue.enqueue("noop", deduplication={"id": "x"})
    stock.fetch_job(deleted.id).delete()
    ran = queue.enqueue("noop", deduplication={"id": "x"})
    assert not ran.deduplicated
    SimpleWorker([stock], connection=client, serializer="json").work(burst=True)
    assert queue.job(ran.id).state == "completed"
    assert not queue.enqueue("noop", deduplication={"id": "x"}).deduplicated


def test_with_a_ttl_the_id_is_held_for_that_time_whatever_becomes_of_the_job(
    queue: Queue, client: Client, run_all: Callable[..., None]
) -> None:
    first = queue.enqueue("noop", remove_on_complete=True, deduplication={"id": "x", "ttl": 60})
    run_all()
    held = queue.enqueue("noop", deduplication={"id": "x", "ttl": 60})
    assert (held.deduplicated, held.id, held.state) == (True, first.id, "removed")
    (key,) = records(client)
    client.pexpire(key, 200)
    wait_for(lambda: not queue.enqueue("noop", deduplication={"id": "x", "ttl": 60}).deduplicated, 10)


def test_a_ttl_passes_from_the_first_job_on_and_with_extend_from_the_last(queue: Queue, client: Client) -> None:
    queue.enqueue("noop", deduplication={"id": "throttle", "ttl": 60})
    queue.enqueue("noop", deduplication={"id": "extend", "ttl": 60, "extend": True})
    for key in records(client):
        client.pexpire(key, 30_000)
    queue.enqueue("noop", deduplication={"id": "throttle", "ttl": 60})
    queue.enqueue("noop", deduplication={"id": "extend", "ttl": 60, "extend": True})
    assert sorted(round(client.pttl(key) / 1000) for key in records(client)) == [30, 60]


def test_a_delayed_job_is_replaced_with_data_options_and_time(queue: Queue, run_all: Callable[..., None]) -> None:
    debounce = {"id": "x", "ttl": 60, "extend": True, "replace": True}
    first = queue.enqueue("echo", {"n": 1}, delay=60, attempts=2, deduplication=debounce)
    second = queue.enqueue("numbered", {"n": 2}, delay=600, priority=9, deduplication=debounce)
    assert second.deduplicated and second.id == first.id
    assert (second.name, second.data["n"], second.priority, second.attempts_limit) == ("numbered", 2, 9, 1)
    assert (second.run_at - first.run_at).total_seconds() == pytest.approx(540, abs=5)
    assert queue.jobs("delayed").total == 1
    queue.promote(first.id)
    run_all()
    assert queue.job(first.id).return_value == 2


def test_a_replacement_without_delay_runs_now(queue: Queue, run_all: Callable[..., None]) -> None:
    queue.enqueue("echo", {"n": 1}, delay=60, deduplication={"id": "x", "replace": True})
    now = queue.enqueue("echo", {"n": 2}, deduplication={"id": "x", "replace": True})
    assert (now.state, queue.jobs("delayed").total) == ("waiting", 0)
    run_all()
    assert queue.job(now.id).return_value == {"n": 2}


def test_a_job_that_is_no_longer_delayed_is_not_replaced(queue: Queue, engine: Engine) -> None:
    debounce = {"id": "x", "ttl": 60, "extend": True, "replace": True}
    first = queue.enqueue("echo", {"n": 1}, delay=0.01, deduplication=debounce)
    time.sleep(0.05)
    assert promote(engine) == 1
    second = queue.enqueue("echo", {"n": 2}, delay=60, deduplication=debounce)
    assert (second.id, second.state, second.data["n"]) == (first.id, "waiting", 1)


def test_of_many_callers_at_once_one_makes_the_job(broker: Broker) -> None:
    made: list[Job] = []

    def enqueue(number: int) -> None:
        queue = make_engine(broker.url).queue("email")
        made.extend(queue.enqueue("echo", {"n": number}, deduplication={"id": "x"}) for _ in range(50))

    threads = [threading.Thread(target=enqueue, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 400
    assert sum(not job.deduplicated for job in made) == 1
    assert len({job.id for job in made}) == 1


def test_many_jobs_in_one_call_are_deduplicated_among_each_other(queue: Queue) -> None:
    jobs = queue.enqueue_many([("echo", {"n": n}, {"deduplication": {"id": str(n % 3)}}) for n in range(9)])
    assert [job.deduplicated for job in jobs] == [False] * 3 + [True] * 6
    assert [job.id for job in jobs[:3]] * 3 == [job.id for job in jobs]
    assert queue.jobs("waiting").total == 3


def test_ids_are_a_queues_own_and_may_hold_anything(engine: Engine, client: Client) -> None:
    for name in ("a:b|c\n*", "İstanbul", "\ud800", "x" * 500, "' OR 1=1"):
        assert not engine.queue("email").enqueue("noop", deduplication={"id": name}).deduplicated
        assert engine.queue("email").enqueue("noop", deduplication={"id": name}).deduplicated
    assert all(key.startswith(b"gnb:deduplication:email:") and len(key) == 56 for key in records(client))


def test_a_job_whose_own_id_is_taken_claims_no_deduplication_id(queue: Queue, client: Client) -> None:
    queue.enqueue("noop", job_id="a")
    assert queue.enqueue("noop", job_id="a", deduplication={"id": "x"}).id == "a"
    assert records(client) == []


def test_a_worker_killed_with_the_job_leaves_the_id_held_until_the_job_has_ended(
    queue: Queue, start: Callable[..., Workers], client: Client
) -> None:
    start()
    job = queue.enqueue("note", {"url": queue_url(queue), "seconds": 1}, deduplication={"id": "x"})
    started = wait_for(lambda: client.lindex("notes", 0))
    os.kill(int(started.split()[1]), signal.SIGKILL)
    wait_for(lambda: queue.job(job.id).stalls == 1)
    assert queue.enqueue("noop", deduplication={"id": "x"}).id == job.id
    wait_for(lambda: queue.job(job.id).state == "completed")
    assert not queue.enqueue("noop", deduplication={"id": "x"}).deduplicated


def queue_url(queue: Queue) -> str:
    return str(queue.broker.url)


def test_jobs_that_were_not_made_are_counted(engine: Engine, queue: Queue) -> None:
    for _ in range(4):
        queue.enqueue("noop", deduplication={"id": "x"})
    assert [stats.counts.deduplicated for stats in engine.stats()] == [3, 0]


@pytest.mark.parametrize(
    "value",
    [
        "x",
        {},
        {"id": ""},
        {"id": 7},
        {"id": "x" * 501},
        {"id": "x", "ttl": 0},
        {"id": "x", "ttl": "soon"},
        {"id": "x", "extend": True},
        {"id": "x", "replace": 1},
        {"id": "x", "mode": "throttle"},
    ],
)
def test_a_deduplication_that_cannot_be_is_refused(queue: Queue, value: object) -> None:
    with pytest.raises(InvalidJobOption, match="deduplication"):
        queue.enqueue("noop", deduplication=value)


def test_a_schedule_takes_no_deduplication() -> None:
    with pytest.raises(InvalidSchedule, match="deduplication"):
        Schedule(name="s", type="noop", queue="email", every=60, options={"deduplication": {"id": "x"}})
