"""Workers that are quieted, resumed and shut down through their command channel."""

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from rq.command import send_command

from gnb.queueing import Engine, Queue, WorkerInfo, WorkerNotFound

from .conftest import Workers, wait_for


@pytest.fixture
def client(engine: Engine) -> Any:
    with redis.Redis.from_url(engine.url) as connection:
        yield connection


def only(engine: Engine) -> WorkerInfo:
    found = wait_for(engine.workers)
    assert len(found) == 1
    return found[0]


def listening(engine: Engine, client: Any) -> str:
    """The name of the one worker, once its supervisor listens."""
    name = only(engine).name
    wait_for(lambda: client.pubsub_numsub(f"rq:pubsub:{name}")[0][1])
    return name


def test_a_quiet_worker_ends_its_job_and_starts_no_other_until_it_is_resumed(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    start()
    name = listening(engine, client)
    running = queue.enqueue("sleep", {"seconds": 2})
    wait_for(lambda: queue.job(running.id).state == "active")
    engine.quiet_worker(name)
    waiting = queue.enqueue("noop")
    assert (only(engine).state, only(engine).quiet) == ("busy", True)
    wait_for(lambda: queue.job(running.id).state == "completed")
    time.sleep(2.5)
    assert queue.job(waiting.id).state == "waiting"
    assert (only(engine).state, engine.stats()[0].quiet) == ("quiet", 1)
    engine.quiet_worker(name, quiet=False)
    began = time.monotonic()
    wait_for(lambda: queue.job(waiting.id).state == "completed", 5)
    assert time.monotonic() - began < 1
    assert (only(engine).quiet, engine.stats()[0].quiet) == (False, 0)


def test_a_quiet_worker_takes_no_wake_up_from_the_others(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    start(concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2)
    quieted = engine.workers()[0].name
    wait_for(lambda: client.pubsub_numsub(f"rq:pubsub:{quieted}")[0][1])
    engine.quiet_worker(quieted)
    wait_for(lambda: engine.stats()[0].quiet == 1)
    time.sleep(1.2)
    for _ in range(20):
        began = time.monotonic()
        job = queue.enqueue("noop")
        wait_for(lambda job=job: queue.job(job.id).state == "completed")
        assert time.monotonic() - began < 0.9
    assert {worker.name: worker.completed for worker in engine.workers()}[quieted] == 0


def test_a_message_that_was_lost_is_obeyed_at_the_next_heartbeat(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    start()
    client.hset(f"rq:worker:{listening(engine, client)}", "quiet", "1")
    time.sleep(4)
    job = queue.enqueue("noop")
    time.sleep(2)
    assert queue.job(job.id).state == "waiting"


def test_a_process_that_takes_the_place_of_a_quiet_one_is_quiet(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    start()
    name = listening(engine, client)
    engine.quiet_worker(name)
    wait_for(lambda: only(engine).state == "quiet")
    pid = only(engine).pid
    assert pid is not None
    time.sleep(1)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: [worker.pid for worker in engine.workers()] not in ([], [pid]))
    job = queue.enqueue("noop")
    time.sleep(3)
    assert queue.job(job.id).state == "waiting"
    assert only(engine).state == "quiet"
    engine.quiet_worker(only(engine).name, quiet=False)
    wait_for(lambda: queue.job(job.id).state == "completed")


def test_a_worker_that_is_shut_down_ends_with_its_command_and_after_its_job(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    workers = start(concurrency=2)
    wait_for(lambda: len(engine.workers()) == 2)
    name = engine.workers()[0].name
    wait_for(lambda: client.pubsub_numsub(f"rq:pubsub:{name}")[0][1])
    running = queue.enqueue("sleep", {"seconds": 1})
    wait_for(lambda: queue.job(running.id).state == "active")
    engine.shut_down_worker(name)
    assert workers.wait() == 0
    assert queue.job(running.id).state == "completed"
    assert engine.workers() == []


def test_a_worker_that_is_not_there_is_named(engine: Engine, client: Any) -> None:
    for change in (engine.quiet_worker, engine.shut_down_worker):
        with pytest.raises(WorkerNotFound, match="no worker 'nobody'"):
            change("nobody")
    assert client.keys("rq:worker:*") == []


def test_a_command_of_another_kind_changes_nothing(
    engine: Engine, queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    start()
    name = listening(engine, client)
    send_command(client, name, "dance")
    client.publish(f"rq:pubsub:{name}", json.dumps({"command": None}))
    job = queue.enqueue("noop")
    wait_for(lambda: queue.job(job.id).state == "completed")
