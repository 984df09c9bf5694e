"""What the supervisor of all four queues costs while nothing is to be done: processor time and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from redis import Redis

from benchmarks.measure import Measure, Options, at_most
from benchmarks.processes import PATIENCE, PYTHON, output_words, running

LOW_PROFILE = {"EXPORT": "1", "EMAIL": "2", "AI": "1", "SCHEDULED": "1"}
WORKERS = sum(map(int, LOW_PROFILE.values()))
FLASK = (PYTHON, "-m", "flask", "--app", "wsgi")


def idle_supervisor(options: Options, url: str) -> list[Measure]:
    """Idle processor share of one core, and proportional memory, after its workers have come up."""
    with Redis.from_url(url) as redis, tempfile.TemporaryDirectory() as folder:
        redis.flushall()
        environment = {
            "REDIS_URL": url,
            "DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "SECRET_KEY": "only-for-the-benchmark-of-an-idle-supervisor",
            **{f"{queue}_WORKER_CONCURRENCY": number for queue, number in LOW_PROFILE.items()},
        }
        output_words([*FLASK, "db", "upgrade"], url, **environment)
        with running([*FLASK, "jobs", "worker", "--all"], url, **environment) as parent:
            _wait_for_workers(redis, parent)
            time.sleep(options.count(5, quick=2))  # what starting up still does is not idling
            share = _processor_share(parent.pid, options.count(15, quick=5))
            memory = sum(proportional_memory(pid) for pid in family(parent.pid))
    profile = "-".join(LOW_PROFILE.values())
    return [
        Measure(name="idle supervisor, processor", unit="%", ours=share, goal=at_most(1), note=profile),
        Measure(name="idle supervisor, memory (PSS)", unit="MB", ours=memory, goal=at_most(250), note=profile),
    ]


def family(pid: int) -> list[int]:
    """The process and all that descend from it, at this moment."""
    pids = [pid]
    with suppress(OSError):  # one that has just ended has no children
        for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in tasks.read_text().split():
                pids += family(int(child))
    return pids


def _wait_for_workers(redis: Redis, parent: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while redis.scard("rq:workers") < WORKERS:
        if time.monotonic() > deadline or parent.poll() is not None:
            raise TimeoutError(f"{redis.scard('rq:workers')} of {WORKERS} workers came up")
        time.sleep(0.1)


def _processor_share(pid: int, seconds: float) -> float:
    """Percent of one core that the whole family used, children that came and went included."""
    before, begun = _processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (_processor_seconds(pid) - before) / (time.monotonic() - begun)


def _processor_seconds(pid: int) -> float:
    ticks = 0
    for member in family(pid):
        # After the name, which may hold spaces: utime, stime, and those of children that have ended.
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def proportional_memory(pid: int) -> float:
    """MB in the processor's pages, shared ones divided among those who share them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
