"""Graphs of jobs that depend on each other: RQ's own worker and ours leave the same records."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from rq import Queue as RQQueue
from rq import SimpleWorker
from rq.job import Dependency
from rq.job import Job as RQJob
from rq.registry import CanceledJobRegistry, DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry

from gnb.queueing import Engine, Queue

PATH = "tests.integration.engine.types."

Graph = list[tuple[str, str, dict[str, Any]]]
"""For each job its name, its function, and as `depends_on` the names of those before it that it depends on."""

GRAPHS: dict[str, Graph] = {
    "chain": [("a", "noop", {}), ("b", "noop", {"on": "a"}), ("c", "noop", {"on": "b"})],
    "fan out": [("a", "noop", {}), *((f"b{number}", "noop", {"on": "a"}) for number in range(5))],
    "fan in": [*((f"a{number}", "noop", {}) for number in range(5)), ("b", "noop", {"on": "a0 a1 a2 a3 a4"})],
    "diamond": [
        ("a", "noop", {}), ("b", "noop", {"on": "a"}), ("c", "noop", {"on": "a"}), ("d", "noop", {"on": "b c"}),
    ],
    "failed parent": [("a", "final", {}), ("b", "noop", {"on": "a"}), ("c", "noop", {"on": "b"})],
    "failed parent allowed": [("a", "final", {}), ("b", "noop", {"on": "a", "allow_failure": True})],
    "one of two parents failed": [("a", "final", {}), ("b", "noop", {}), ("c", "noop", {"on": "a b"})],
    "one of two failures allowed": [
        ("a", "final", {}), ("b", "noop", {}), ("c", "noop", {"on": "a b", "allow_failure": True}),
    ],
    "at the front": [
        ("a", "noop", {}), ("b", "noop", {}), ("c", "noop", {"on": "a", "enqueue_at_front": True}),
    ],
    "at the end": [("a", "noop", {}), ("b", "noop", {}), ("c", "noop", {"on": "a"})],
    "chain that fails in its middle": [
        ("a", "noop", {}), ("b", "final", {"on": "a"}), ("c", "noop", {"on": "b"}),
        ("d", "noop", {"on": "b", "allow_failure": True}),
    ],
}  # fmt: skip


@pytest.fixture
def client(engine: Engine) -> Iterator[Any]:
    with redis.Redis.from_url(engine.url) as connection:
        yield connection


def enqueue(queue: RQQueue, graph: Graph) -> dict[str, RQJob]:
    jobs: dict[str, RQJob] = {}
    for name, function, options in graph:
        rest = dict(options)
        parents = [jobs[each] for each in str(rest.pop("on", "")).split()]
        depends_on = Dependency(parents, **rest) if parents else None
        jobs[name] = queue.enqueue(PATH + function, depends_on=depends_on, result_ttl=600, failure_ttl=900)
    return jobs


def records(client: Any, queue: str, jobs: dict[str, RQJob]) -> dict[str, Any]:
    """What RQ's own classes read of the jobs, by their names in the graph."""
    names = {job.id: name for name, job in jobs.items()}
    found: dict[str, Any] = {}
    for name, job in jobs.items():
        job = RQJob.fetch(job.id, connection=client, serializer="json")
        registries = (DeferredJobRegistry, FinishedJobRegistry, FailedJobRegistry, CanceledJobRegistry)
        fields = client.hgetall(job.key)
        found[name] = {
            "status": job.get_status(),
            "registries": [job.id in registry(queue, connection=client) for registry in registries],
            "depends on": [names[parent.id] for parent in job.fetch_dependencies()],
            "met": job.dependencies_are_met(),
            "waited for by": sorted(names[each] for each in job.dependent_ids),
            "allows failure": job.allow_dependency_failures,
            "at the front": job.enqueue_at_front,
            "ran": job.started_at is not None,
            "origin": job.origin.replace("stock", "email"),
            "fields": sorted(
                field.decode() for field in fields if field not in (b"error", b"retries_left", b"dependents")
            ),
        }
    order = sorted(
        (job for job in jobs.values() if client.hget(job.key, "started_at")), key=lambda job: started(client, job)
    )
    found["order"] = [names[job.id] for job in order]
    found["waiting"] = client.llen(f"rq:queue:{queue}")
    return found


def started(client: Any, job: RQJob) -> bytes:
    return client.hget(job.key, "started_at")  # type: ignore[no-any-return]


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_leaves_the_same_records_with_our_worker_as_with_rqs_own(
    client: Any, queue: Queue, run_all: Callable[..., None], graph: str
) -> None:
    theirs, ours = (RQQueue(name, connection=client, serializer="json") for name in ("stock", "email"))
    jobs = [enqueue(each, GRAPHS[graph]) for each in (theirs, ours)]
    SimpleWorker([theirs], connection=client, serializer="json").work(burst=True, logging_level="ERROR")
    run_all()
    first, second = records(client, "stock", jobs[0]), records(client, "email", jobs[1])
    # RQ leaves a job on the lists of the parents that ended before the last one; we take it off as each completes.
    for name, _, _ in GRAPHS[graph]:
        listed = [] if first[name]["status"] == "finished" else first[name]["waited for by"]
        first[name]["waited for by"] = [each for each in listed if first[each]["status"] == "deferred"]
    if graph in ("fan out", "diamond"):  # the dependents of one job are in no order, with RQ too
        first["order"].sort()
        second["order"].sort()
    assert first == second
