"""What a queue counts: how many jobs stand where, how many ended how, how long they waited and ran."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import clock
from .histogram import BUCKETS


@dataclass
class Tally:
    """Sums over minutes: ended jobs by type and outcome, durations by type and waiting times in buckets."""

    outcomes: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * BUCKETS))
    waits: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    duration_seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    wait_seconds: float = 0.0

    def add(self, words: Iterable[bytes]) -> None:
        """Adds a minute's hash as the broker lists it, name after value. A name is
        "<type>|<outcome>|<bucket of the duration>|<bucket of the wait>" (a count), "d|<type>" or "w" (microseconds)."""
        pairs = iter(words)
        for name, value in zip(pairs, pairs, strict=True):
            self._add(name.decode(), value)

    def _add(self, name: str, value: bytes) -> None:
        parts = name.split("|")
        if name == "w":
            self.wait_seconds += int(value) / 1e6
        elif parts[0] == "d" and len(parts) == 2:
            self.duration_seconds[parts[1]] += int(value) / 1e6
        elif len(parts) == 4:
            job_type, outcome, duration, wait = parts
            self.outcomes[job_type, outcome] += int(value)
            if duration:
                self.durations[job_type][int(duration)] += int(value)
            if wait:
                self.waits[int(wait)] += int(value)

    def ended(self, outcome: str) -> int:
        """How many ended with that outcome, over all types."""
        return sum(count for (_, its_outcome), count in self.outcomes.items() if its_outcome == outcome)


@dataclass(frozen=True)
class QueueStats:
    """A queue at one moment; the tally counts from its first job on. `busy` of its `workers` run a job."""

    name: str
    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    paused: bool
    rate_limit: str
    oldest_waiting_seconds: float | None
    workers: int
    busy: int
    tally: Tally

    @property
    def total(self) -> int:
        return self.waiting + self.active + self.completed + self.failed + self.delayed

    @property
    def processed_completed(self) -> int:
        return self.tally.ended("completed")

    @property
    def processed_failed(self) -> int:
        return self.tally.ended("failed") + self.tally.ended("stopped")

    @property
    def retries(self) -> int:
        return self.tally.ended("retried")

    @property
    def stalled(self) -> int:
        return self.tally.ended("stalled")


def queue_stats(name: str, answer: list[Any], workers: int, busy: int, default_limit: str) -> QueueStats:
    """The stats that an answer of the counts script makes."""
    waiting, active, completed, failed, delayed, paused, limit, oldest, now, totals, minute = answer
    tally = Tally()
    tally.add(totals)
    tally.add(minute)
    since = clock.parse(oldest)
    return QueueStats(
        name=name,
        waiting=waiting,
        active=active,
        completed=completed,
        failed=failed,
        delayed=delayed,
        paused=bool(paused),
        rate_limit=limit.decode() if limit else default_limit,
        oldest_waiting_seconds=max(float(now) - since.timestamp(), 0.0) if since else None,
        workers=workers,
        busy=busy,
        tally=tally,
    )
