"""What a queue counts: jobs by state, how many ended how, how long they took; and the application's counters."""

import os
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from . import clock
from .connection import Broker
from .errors import QueueUnavailable
from .keys import QueueKeys
from .scripts import COUNT

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in seconds; one more bucket holds what is longer."""

BUCKETS = len(BOUNDS) + 1

STALLED_AFTER_SECONDS = 300
"""How long a job waits beside free workers before its queue counts as stalled."""


def bucket(seconds: float) -> int:
    """The number of the bucket that holds this length."""
    return bisect_left(BOUNDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The length in seconds below which that share lies, linear within a bucket; None when nothing was counted."""
    total = sum(counts)
    if not total:
        return None
    rank, passed = share * total, 0
    for number, count in enumerate(counts):
        if count and passed + count >= rank:
            low = BOUNDS[number - 1] if number else 0.0
            high = BOUNDS[number] if number < len(BOUNDS) else BOUNDS[-1] * 2
            return low + (high - low) * max(rank - passed, 0) / count
        passed += count
    return BOUNDS[-1] * 2


@dataclass
class OutcomeCounts:
    """Sums over minutes: ended jobs by type and outcome, durations by type and waiting times in buckets."""

    outcomes: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * BUCKETS))
    waits: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    duration_seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    wait_seconds: float = 0.0
    deduplicated: int = 0
    held: int = 0

    def add(self, words: Iterable[bytes]) -> None:
        """Adds a minute's hash as the broker lists it, name after value. A name is
        "<type>|<outcome>|<bucket of the duration>|<bucket of the wait>" (a count), "d|<type>" or "w" (microseconds), or
        "deduplicated" or "held" (counts)."""
        pairs = iter(words)
        for name, value in zip(pairs, pairs, strict=True):
            self._add(name.decode(), value)

    def _add(self, name: str, value: bytes) -> None:
        parts = name.split("|")
        if name == "w":
            self.wait_seconds += int(value) / 1e6
        elif name in ("deduplicated", "held"):
            setattr(self, name, getattr(self, name) + int(value))
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
    """A queue at one moment; the counts counts from its first job on. Of its `workers`, `busy` run a job, and `quiet`
    run none and start none."""

    name: str
    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    paused: bool
    rate_limit: str
    concurrency_limit: str
    oldest_waiting_seconds: float | None
    workers: int
    busy: int
    quiet: int
    counts: OutcomeCounts
    deferred: int = 0
    next_start_seconds: float = 0.0
    """Until the rate limit allows the next start."""
    latest_start_seconds: float | None = None
    """Since the latest start that the rate limit counted; None without a limit or a start."""

    @property
    def at_rate_limit(self) -> bool:
        """Whether jobs wait for the rate limit to allow the next start."""
        return bool(self.waiting and self.next_start_seconds and not self.paused)

    @property
    def is_stalled(self) -> bool:
        """Whether jobs have waited for long, nothing runs, and the rate limit is not the reason."""
        if not self.waiting or self.active or self.paused or self.at_rate_limit or not self.workers:
            return False
        waited, started = self.oldest_waiting_seconds or 0, self.latest_start_seconds
        return waited > STALLED_AFTER_SECONDS and (started is None or started > STALLED_AFTER_SECONDS)

    @property
    def total(self) -> int:
        return self.waiting + self.active + self.completed + self.failed + self.delayed + self.deferred

    @property
    def processed_completed(self) -> int:
        return self.counts.ended("completed")

    @property
    def processed_failed(self) -> int:
        return self.counts.ended("failed") + self.counts.ended("stopped")

    @property
    def retries(self) -> int:
        return self.counts.ended("retried")

    @property
    def stalled(self) -> int:
        return self.counts.ended("stalled")

    @property
    def deduplicated(self) -> int:
        return self.counts.deduplicated

    @property
    def held(self) -> int:
        """How many jobs were delayed for the rate limit of their key."""
        return self.counts.held


def queue_stats(name: str, answer: list[Any], workers: list[int], limits: tuple[str, str]) -> QueueStats:
    """The stats that answers of the counts and alive scripts make; `limits`: the configured ones."""
    waiting, active, completed, failed, delayed, deferred, paused, limit, concurrency, *rest = answer
    oldest, now, totals, minute, until_start, since_start = rest
    alive, quiet = workers
    counts = OutcomeCounts()
    counts.add(totals)
    counts.add(minute)
    since = clock.parse(oldest)
    return QueueStats(
        name=name,
        waiting=waiting,
        active=active,
        completed=completed,
        failed=failed,
        delayed=delayed,
        paused=bool(paused),
        rate_limit=limit.decode() if limit else limits[0],
        concurrency_limit=concurrency.decode() if concurrency else limits[1],
        oldest_waiting_seconds=max(float(now) - since.timestamp(), 0.0) if since else None,
        workers=alive,
        busy=min(active, alive),
        quiet=quiet,
        counts=counts,
        deferred=deferred,
        next_start_seconds=float(until_start),
        latest_start_seconds=float(since_start) if since_start else None,
    )


@dataclass(frozen=True)
class HistoryPoint:
    """One minute of a queue: its depths as sampled (None if nobody looked), what ended, how long it ran and waited."""

    at: datetime
    waiting: int | None
    active: int | None
    delayed: int | None
    failed_total: int | None
    counts: OutcomeCounts

    @classmethod
    def of(cls, minute: int, words: dict[bytes, bytes], lately: list[bytes]) -> "HistoryPoint":
        """From the hash of that minute since the epoch, and what was counted in it and is not yet added there."""
        sampled = [int(part) for part in words.pop(b"depth", b"").split(b",") if part]
        waiting, active, delayed, failed = sampled or (None, None, None, None)
        counts = OutcomeCounts()
        counts.add(word for pair in words.items() for word in pair)
        counts.add(lately)
        return cls(datetime.fromtimestamp(minute * 60, UTC), waiting, active, delayed, failed, counts)

    @property
    def completed(self) -> int:
        return self.counts.ended("completed")

    @property
    def failed(self) -> int:
        return self.counts.ended("failed") + self.counts.ended("stopped")

    @property
    def retried(self) -> int:
        return self.counts.ended("retried")

    def duration(self, share: float, job_type: str | None = None) -> float | None:
        """The duration in seconds below which that share of the minute's runs lies; of one type or all."""
        if job_type is not None:
            return quantile(self.counts.durations.get(job_type, [0]), share)
        sums = [sum(column) for column in zip(*self.counts.durations.values(), strict=True)]
        return quantile(sums, share)

    def wait(self, share: float) -> float | None:
        """The waiting time in seconds below which that share of the minute's starts lies."""
        return quantile(self.counts.waits, share)


def histories(broker: Broker, queues: Sequence[QueueKeys], minutes: int) -> list[list[HistoryPoint]]:
    """For each queue a point for each of the last minutes, oldest first, in one round trip. Raises QueueUnavailable."""
    first = int(broker.time() // 60) - minutes + 1
    pipeline = broker.client.pipeline(transaction=False)
    for keys in queues:
        pipeline.hgetall(keys.counts)
        for minute in range(first, first + minutes):
            pipeline.hgetall(keys.minute(minute))
    answers = iter(broker.call(pipeline.execute))
    return [_points(next(answers), [next(answers) for _ in range(minutes)], first) for _ in queues]


def _points(counts: dict[bytes, bytes], past: list[dict[bytes, bytes]], first: int) -> list[HistoryPoint]:
    lately: dict[int, list[bytes]] = defaultdict(list)
    for name, count in counts.items():
        minute, _, field = name.partition(b"|")
        lately[int(minute)] += (field, count)
    return [HistoryPoint.of(minute, words, lately[minute]) for minute, words in enumerate(past, first)]


COUNTERS = "gnb:counters"


class Counters:
    """The counters of one broker. What is counted while it is unreachable waits in this process for the next count."""

    def __init__(self, broker: Broker):
        self._broker = broker
        self._lock = threading.Lock()
        self._unwritten: Counter[str] = Counter()
        self._batch: tuple[str, Counter[str]] | None = None

    def add(self, name: str, *labels: str, count: int = 1) -> None:
        """Count; returns also while the broker is unreachable."""
        with self._lock:
            self._unwritten["|".join((name, *labels))] += count
        self.write()

    def write(self) -> None:
        """Write what is counted and not yet written; one round trip, none when there is nothing.

        A batch whose answer was lost is sent again under its id, so that it is counted once.
        """
        while batch := self._next_batch():
            batch_id, counts = batch
            try:
                self._broker.run(COUNT, [COUNTERS, f"gnb:counted:{batch_id}"], list(chain(*counts.items())))
            except QueueUnavailable:
                return
            with self._lock:
                self._batch = None if self._batch is batch else self._batch

    def _next_batch(self) -> tuple[str, Counter[str]] | None:
        with self._lock:
            if self._batch is None and self._unwritten:
                self._batch, self._unwritten = (os.urandom(12).hex(), self._unwritten), Counter()
            return self._batch

    def read(self) -> dict[tuple[str, ...], int]:
        """Every counter by name and labels. Raises QueueUnavailable."""
        return counted(self._broker.call(lambda: self._broker.client.hgetall(COUNTERS)))


def counted(answer: dict[Any, Any]) -> dict[tuple[str, ...], int]:
    """The broker's counters by name and labels."""
    return {tuple(name.decode().split("|")): int(value) for name, value in answer.items()}
