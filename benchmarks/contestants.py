"""Who is measured: how each contestant enqueues, works, and shows how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = HERE / ".venv" / "bin"
PYTHON, PEERS_PYTHON, NODE = sys.executable, str(PEERS / "python"), str(PEERS / "node")

Done = Callable[["Redis"], int]


@dataclass(frozen=True)
class Contestant:
    """A queue with a way of working. `{url}` in a command stands for the broker's address.

    `jobs` is how many of its jobs take a second or two here, so that everybody is timed about as long.
    """

    name: str
    producer: tuple[str, ...]
    worker: tuple[str, ...]
    done: Done
    jobs: int


def _rq_done(redis: Redis) -> int:
    return redis.zcard("rq:finished:bench")


def _results_done(redis: Redis) -> int:
    return int(redis.info("keyspace").get("db1", {}).get("keys", 0))


def _huey_done(redis: Redis) -> int:
    return redis.hlen("huey.results.bench")


def _bullmq_done(redis: Redis) -> int:
    return redis.zcard("bull:bench:completed")


RQ_PRODUCER = (PYTHON, "-m", "benchmarks.peers.rq")
RQ_WORKER = (PYTHON, "-m", "rq.cli", "worker", "--quiet", "--url", "{url}")
BULLMQ_PRODUCER = (NODE, str(HERE / "bullmq" / "produce.mjs"))

RQ = Contestant("RQ worker", RQ_PRODUCER, (*RQ_WORKER, "bench"), _rq_done, 200)
RQ_SIMPLE = Contestant(
    "RQ SimpleWorker",
    RQ_PRODUCER,
    (*RQ_WORKER, "--worker-class", "rq.worker.SimpleWorker", "bench"),
    _rq_done,
    700,
)
CELERY = Contestant(
    "Celery",
    (PEERS_PYTHON, "-m", "benchmarks.peers.celery"),
    (
        *(PEERS_PYTHON, "-m", "celery", "--app", "benchmarks.peers.celery", "--quiet", "worker"),
        *("--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ),
    _results_done,
    3000,
)
DRAMATIQ = Contestant(
    "Dramatiq",
    (PEERS_PYTHON, "-m", "benchmarks.peers.dramatiq"),
    (PEERS_PYTHON, "-m", "dramatiq", "--processes", "2", "--threads", "8", "benchmarks.peers.dramatiq"),
    _results_done,
    3000,
)
HUEY = Contestant(
    "Huey",
    (PEERS_PYTHON, "-m", "benchmarks.peers.huey"),
    (
        *(str(PEERS / "huey_consumer"), "benchmarks.peers.huey.app", "--worker-type", "process", "--workers", "2"),
        *("--no-periodic", "--quiet"),
    ),
    _huey_done,
    3000,
)


def bullmq(concurrency: int, jobs: int) -> Contestant:
    """BullMQ's worker in one Node.js process, so many jobs at once."""
    worker = (NODE, str(HERE / "bullmq" / "worker.mjs"), str(concurrency))
    return Contestant(f"BullMQ, {concurrency} at once", BULLMQ_PRODUCER, worker, _bullmq_done, jobs)


BULLMQ = (bullmq(1, 10_000), bullmq(5, 20_000), bullmq(50, 30_000))
PEERS_OF_THE_ENGINE = (RQ, RQ_SIMPLE, CELERY, DRAMATIQ, HUEY, *BULLMQ)
