"""What the supervisor of all four queues costs while nothing is to be done: processor time and memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from redis import Redis

from benchmarks.measure import Measure, Options, at_most
from benchmarks.processes import PYTHON, Progress, family, output_words, processor_seconds, running

SMALL_PROFILE = {
    f"{queue}_WORKER_CONCURRENCY": number
    for queue, number in {"EXPORT": "1", "EMAIL": "2", "AI": "1", "SCHEDULED": "1"}.items()
}
FLASK = (PYTHON, "-m", "flask", "--app", "wsgi")


def idle_supervisor(options: Options, url: str) -> list[Measure]:
    """Idle processor share of one core, and proportional memory, after its workers have come up."""
    with Redis.from_url(url) as redis, tempfile.TemporaryDirectory() as folder:
        redis.flushall()
        environment = {
            "REDIS_URL": url,
            "DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "APP_ENV": "testing",
            "SECRET_KEY": "only-for-the-benchmark-of-an-idle-supervisor",
            **SMALL_PROFILE,
        }
        output_words([*FLASK, "db", "upgrade"], url, **environment)
        with running([*FLASK, "jobs", "worker", "--all"], url, **environment) as parent:
            wait_for_workers(redis, parent.pid)
            time.sleep(options.count(5, quick=2))  # what starting up still does is not idling
            share = _processor_share(parent.pid, options.count(15, quick=5))
            memory = sum(proportional_memory(pid) for pid in family(parent.pid))
    profile = "-".join(SMALL_PROFILE.values())
    return [
        Measure(name="idle supervisor, processor", unit="%", ours=share, goal=at_most(1), note=profile),
        Measure(name="idle supervisor, memory (PSS)", unit="MB", ours=memory, goal=at_most(250), note=profile),
    ]


def wait_for_workers(redis: Redis, parent: int) -> None:
    """Wait until the supervisor of this process id has all workers of the small profile."""
    progress = Progress()
    while (registered := redis.scard("rq:workers")) < sum(map(int, SMALL_PROFILE.values())):
        progress.check((registered, processor_seconds(parent) // 1))
        time.sleep(0.1)


def _processor_share(pid: int, seconds: float) -> float:
    """Percent of one core that the whole family used, children that came and went included."""
    before, begun = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (processor_seconds(pid) - before) / (time.monotonic() - begun)


def proportional_memory(pid: int) -> float:
    """MB in the processor's pages, shared ones divided among those who share them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
