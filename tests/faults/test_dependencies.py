"""Workers are killed while jobs that depend on each other run: each completes once, none waits for ever."""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from gnb.queueing import Engine, Queue
from tests import servers
from tests.fault_table import Fault
from tests.faults.sizes import sizes
from tests.faults.test_engine import write_down
from tests.integration.engine.conftest import Workers, make_engine
from tests.integration.engine.test_losing_nothing import send

Parents = dict[str, tuple[str, ...]]
"""By the id of a job those that it depends on."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    server = servers.Broker(tmp_path / "broker", durable=True)
    server.start()
    yield make_engine(server.url)
    server.stop()


@sizes(short=250, long=2000)
def test_chains_fans_and_diamonds_complete_once_while_their_workers_are_killed(
    engine: Engine, started: list[Workers], fault: Fault, size: int
) -> None:
    fault.name = "workers and supervisors killed, jobs that depend"
    queue = engine.queue("email")
    graph: Parents = {}
    while len(graph) < size:
        for shape in (chain, fan, diamond):
            shape(queue, graph)
    started += [Workers(engine, concurrency=2) for _ in range(2)]
    rng, kills, deadline = random.Random(19), 0, time.monotonic() + 300
    while queue.jobs("completed", 0, 0).total < len(graph) and time.monotonic() < deadline:
        time.sleep(0.3)
        living = [worker.pid for worker in engine.workers() if worker.pid]
        if living and queue.jobs("deferred", 0, 0).total > size // 10:
            send(rng.choice(living), signal.SIGKILL)
            kills += 1
            if rng.random() < 0.1 and size > 1000:
                rng.choice([each for each in started if each.pid]).kill()
                started.append(Workers(engine, concurrency=2))
    write_down(fault, queue, list(graph))
    assert kills > 2
    assert (fault.lost, queue.jobs("deferred").total) == (0, 0)
    assert engine.stats()[0].processed_completed == len(graph)
    outcomes = Counter(sum(attempt.outcome == "completed" for attempt in queue.attempts(job_id)) for job_id in graph)
    assert outcomes == {1: len(graph)}
    assert in_order(engine, graph)
    assert not list(engine.broker.client.scan_iter("rq:job::*"))


def enqueue(queue: Queue, graph: Parents, *parents: str) -> str:
    note = {"url": queue.broker.url, "seconds": 0.01}
    options = {"remove_on_complete": {"age": 3600}, "depends_on": parents}
    job_id = queue.enqueue("note", note, **options).id
    graph[job_id] = parents
    return job_id


def chain(queue: Queue, graph: Parents) -> None:
    last = enqueue(queue, graph)
    for _ in range(9):
        last = enqueue(queue, graph, last)


def fan(queue: Queue, graph: Parents) -> None:
    """One before twenty, and one after them."""
    first = enqueue(queue, graph)
    enqueue(queue, graph, *[enqueue(queue, graph, first) for _ in range(20)])


def diamond(queue: Queue, graph: Parents) -> None:
    """Layers of three, each job of which depends on all of the layer before."""
    layer = [enqueue(queue, graph)]
    for width in (3, 3, 1):
        layer = [enqueue(queue, graph, *layer) for _ in range(width)]


def in_order(engine: Engine, graph: Parents) -> bool:
    """Whether every job first started after each of its parents had reached its end."""
    with redis.Redis.from_url(engine.url) as client:
        notes = [line.decode().split() for line in client.lrange("notes", 0, -1)]
    moments: dict[tuple[str, str], float] = {}
    for job_id, _, what, at in notes:
        moments.setdefault((job_id, what), float(at))
    return all(
        moments[parent, "end"] <= moments[job_id, "start"] for job_id, parents in graph.items() for parent in parents
    )
