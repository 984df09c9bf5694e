"""Whether anybody does the work: workers for each queue, and a scheduler that leads."""

from __future__ import annotations

from collections.abc import Iterator

from gnb.extensions import engine, settings
from gnb.queueing import QueueStats, overview
from gnb.queueing.errors import QueueUnavailable
from gnb.services.doctor.findings import Finding, ok, problem, warning


def examine() -> Iterator[Finding]:
    """A finding for each queue and one for the scheduler; none when the broker is away or queueing is off."""
    if not settings().queue_enabled:
        return
    try:
        seen = overview(engine())
    except QueueUnavailable:
        return  # said already, where the broker was looked at
    for stats in seen.queues:
        yield _queue(stats)
    if seen.scheduler_leads:
        yield ok("scheduler", f"one leads, {len(seen.schedules)} schedules")
    else:
        yield problem("scheduler", "none leads: nothing recurs", "Start: flask jobs scheduler")


def _queue(stats: QueueStats) -> Finding:
    name = f"workers ({stats.name})"
    if not stats.workers:
        return problem(name, f"none, {stats.waiting:,} jobs wait", f"Start: flask jobs worker {stats.name}")
    words = f"{stats.workers} alive, {stats.busy} busy, {stats.waiting:,} jobs wait"
    if stats.paused:
        return warning(
            name, f"{words}, but the queue is paused", f"When it shall go on: flask jobs resume {stats.name}"
        )
    return ok(name, words)
