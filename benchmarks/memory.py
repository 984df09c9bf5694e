"""The small profile of docs/deploying.md: the memory of all its processes after the start, during and after work."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from benchmarks.measure import Goal, Measure, Options, at_most
from benchmarks.processes import Progress, family, processor_seconds
from benchmarks.steady_load import PAGES, Load, insight, mail
from benchmarks.steady_world import World, world
from benchmarks.supervisor import SMALL_PROFILE, proportional_memory, wait_for_workers
from gnb.extensions import engine

SETTINGS = {
    "processes": "gunicorn with 1 worker, flask jobs worker --all (1-2-1-1), flask jobs scheduler; SQLite",
    "WORKER_MAX_MEMORY": "128: a worker process that an export has made larger is replaced",
    "memory": "sum over the processes, shared pages counted once (PSS); broker and database server not included",
    "work": "24 exports, three of each type; 24 delay risks; 8 weekly reports; 60 mails; 200 pages",
}
_EXPORTS = [f"{rows}-{format}" for rows in ("bookings", "users", "revenue") for format in ("csv", "xlsx", "pdf")]
_EXPORTS.remove("users-pdf")
_MOST_MB = 512


def run(_options: Options) -> list[Measure]:
    """Return the sums and, after the work, what each kind of process takes."""
    with world(WEB_CONCURRENCY="1", WORKER_MAX_MEMORY="128", **SMALL_PROFILE) as place:
        with place.app.app_context():
            wait_for_workers(engine().broker.client, place.pids["workers"])
        begun = _memory(place)
        highest = _work(place)
        time.sleep(10)  # a worker process that is too large is replaced by the next heartbeat
        worked = _memory(place)
    return [
        _measure("small profile, after the start", sum(begun.values()), at_most(_MOST_MB)),
        _measure("small profile, after the work", sum(worked.values()), at_most(_MOST_MB)),
        *(_measure(f"of that, {kind}", value) for kind, value in worked.items()),
        _measure("small profile, the most during the work", highest),
    ]


def _measure(name: str, megabytes: float, goal: Goal | None = None) -> Measure:
    return Measure(name=name, unit="MB", ours=megabytes, goal=goal)


def _memory(place: World) -> dict[str, float]:
    """Return the MB of each kind of process."""
    found = dict.fromkeys(("web", "workers", "scheduler"), 0.0)
    for kind in found:
        for pid in family(place.pids[kind]):
            with suppress(OSError):  # it ended at this moment
                found[kind] += proportional_memory(pid)
    return found


def _work(place: World) -> float:
    """Do the work and return the most MB that all processes took together meanwhile."""
    load = Load(place)
    load.sign_in()
    jobs: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "export": [(name, {"filters": {}}) for name in _EXPORTS] * 3,
        "ai": [insight(number) for number in range(24)],
        "scheduled": [("generate-weekly-report", {})] * 8,
        "email": [mail(number) for number in range(60)],
    }
    with place.app.app_context():
        for queue, each in jobs.items():
            engine().queue(queue).enqueue_many([(name, data, {}) for name, data in each])
    highest, pages, progress = 0.0, list(PAGES * (200 // len(PAGES))), Progress()
    while pages or load.wait_until_done(0.2):
        if pages:
            load.visit(pages.pop())
        highest = max(highest, sum(_memory(place).values()))
        progress.check((load.done(), processor_seconds(place.pids["workers"]) // 1))
    if load.failed() or load.errors:
        raise RuntimeError(f"{load.failed()} jobs failed; {load.errors[:3]}")
    return highest
