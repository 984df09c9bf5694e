"""What a queue counts: how many jobs stand where, how many ended how, how long they waited and ran."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from . import clock
from .histogram import BUCKETS, quantile


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
    """A queue at one moment; counts of ended jobs are since its first job. `slots` and `busy` count workers."""

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
    def slots(self) -> int:
        return self.workers

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


def queue_stats(name: str, answer: list[object], workers: int, busy: int, default_limit: str) -> QueueStats:
    """The stats that an answer of the counts script makes."""
    waiting, active, completed, failed, delayed, paused, limit, oldest, now, totals, minute = answer
    tally = Tally()
    tally.add(totals)  # type: ignore[arg-type]
    tally.add(minute)  # type: ignore[arg-type]
    since = clock.parse(oldest)  # type: ignore[arg-type]
    return QueueStats(
        name=name,
        waiting=waiting,  # type: ignore[arg-type]
        active=active,  # type: ignore[arg-type]
        completed=completed,  # type: ignore[arg-type]
        failed=failed,  # type: ignore[arg-type]
        delayed=delayed,  # type: ignore[arg-type]
        paused=bool(paused),
        rate_limit=limit.decode() if limit else default_limit,  # type: ignore[attr-defined]
        oldest_waiting_seconds=max(float(now) - since.timestamp(), 0.0) if since else None,  # type: ignore[arg-type]
        workers=workers,
        busy=busy,
        tally=tally,
    )


@dataclass(frozen=True)
class HistoryPoint:
    """One minute of a queue: its depths as sampled (None if nobody looked), what ended, how long it ran and waited."""

    at: datetime
    waiting: int | None
    active: int | None
    delayed: int | None
    failed_total: int | None
    tally: Tally

    @classmethod
    def of(cls, minute: int, words: dict[bytes, bytes]) -> "HistoryPoint":
        """From the hash of that minute since the epoch."""
        sampled = [int(part) for part in words.pop(b"depth", b"").split(b",") if part]
        waiting, active, delayed, failed = sampled or (None, None, None, None)
        tally = Tally()
        tally.add(word for pair in words.items() for word in pair)
        return cls(datetime.fromtimestamp(minute * 60, UTC), waiting, active, delayed, failed, tally)

    @property
    def completed(self) -> int:
        return self.tally.ended("completed")

    @property
    def failed(self) -> int:
        return self.tally.ended("failed") + self.tally.ended("stopped")

    @property
    def retried(self) -> int:
        return self.tally.ended("retried")

    def duration(self, share: float, job_type: str | None = None) -> float | None:
        """The duration in seconds below which that share of the minute's runs lies; of one type or all."""
        if job_type is not None:
            return quantile(self.tally.durations.get(job_type, [0]), share)
        sums = [sum(column) for column in zip(*self.tally.durations.values(), strict=True)]
        return quantile(sums, share)

    def wait(self, share: float) -> float | None:
        """The waiting time in seconds below which that share of the minute's starts lies."""
        return quantile(self.tally.waits, share)

    @property
    def duration_p50(self) -> float | None:
        return self.duration(0.5)

    @property
    def duration_p95(self) -> float | None:
        return self.duration(0.95)

    @property
    def wait_p50(self) -> float | None:
        return self.wait(0.5)

    @property
    def wait_p95(self) -> float | None:
        return self.wait(0.95)
