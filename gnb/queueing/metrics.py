"""What a queue counts: jobs by state, how many ended how, how long they took."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from . import clock
from .connection import Broker
from .keys import QueueKeys
from .options import Retention
from .queue_options import LIMITS, QueueOptions

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in seconds; one more bucket holds what is longer."""

BUCKETS = len(BOUNDS) + 1

STEPS = {"minute": 1, "hour": 60, "day": 1440}
"""The steps of the history in minutes. A day is one of UTC."""

HISTORY_KEPT = (90_000, 91 * 86_400)
"""Seconds for which minutes, and hours and days, of the history are kept."""

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
        """Add the hash of a step of the history as the broker lists it, name after value. A name is
        "<type>|<outcome>|<bucket of the duration>|<bucket of the wait>" (a count), "d|<type>" or "w" (microseconds),
        "deduplicated" or "held" (counts), or in hours and days "|duration|<bucket>" or "|wait|<bucket>", of all types.
        """
        pairs = iter(words)
        for name, value in zip(pairs, pairs, strict=True):
            self._add(name.decode(), value)

    def _add(self, name: str, value: bytes) -> None:
        parts = name.split("|")
        if name == "w":
            self.wait_seconds += int(value) / 1e6
        elif name in ("deduplicated", "held"):
            setattr(self, name, getattr(self, name) + int(value))
        elif parts[0] == "" and len(parts) == 3:
            buckets = self.durations[""] if parts[1] == "duration" else self.waits
            buckets[int(parts[2])] += int(value)
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
    """A queue at one moment; `counts` has all since its first job. Of its `workers`, `busy` run a job, and `quiet`
    run none and start none. It is `suspended` with all other queues, by `rq suspend`, until `rq resume`."""

    name: str
    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    paused: bool
    rate_limit: str
    concurrency_limit: str
    remove_on_complete: Retention
    remove_on_fail: Retention
    oldest_waiting_seconds: float | None
    workers: int
    busy: int
    quiet: int
    counts: OutcomeCounts
    deferred: int = 0
    suspended: bool = False
    next_start_seconds: float = 0.0
    """Until the rate limit allows the next start."""
    latest_start_seconds: float | None = None
    """Since the latest start that the rate limit counted; None without a limit or a start."""
    set_at_run_time: frozenset[str] = frozenset()
    """Which of its two limits and two retentions are not as configured."""

    @property
    def at_rate_limit(self) -> bool:
        """Whether jobs wait for the rate limit to allow the next start."""
        return bool(self.waiting and self.next_start_seconds and not (self.paused or self.suspended))

    @property
    def is_stalled(self) -> bool:
        """Whether jobs have waited for long, nothing runs, and the rate limit is not the reason."""
        if not self.waiting or self.active or self.paused or self.suspended or self.at_rate_limit or not self.workers:
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


def queue_stats(name: str, answer: list[Any], workers: list[int], options: QueueOptions) -> QueueStats:
    """The stats that answers of the counts and alive scripts make; `options`: the configured ones."""
    waiting, active, completed, failed, delayed, deferred, held, limit, concurrency, *rest = answer
    oldest, now, totals, minute, (until_start, since_start), keep_completed, keep_failed = rest
    given = (limit, concurrency, keep_completed, keep_failed)
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
        paused=bool(held & 1),
        suspended=bool(held & 2),
        rate_limit=limit.decode() if limit else options.limits[0],
        concurrency_limit=concurrency.decode() if concurrency else options.limits[1],
        remove_on_complete=Retention.parse(keep_completed) or options.job.remove_on_complete,
        remove_on_fail=Retention.parse(keep_failed) or options.job.remove_on_fail,
        oldest_waiting_seconds=max(float(now) - since.timestamp(), 0.0) if since else None,
        workers=alive,
        busy=min(active, alive),
        quiet=quiet,
        counts=counts,
        deferred=deferred,
        next_start_seconds=float(until_start),
        latest_start_seconds=float(since_start) if since_start else None,
        set_at_run_time=frozenset(name for name, value in zip(LIMITS, given, strict=True) if value),
    )


@dataclass(frozen=True)
class HistoryPoint:
    """A minute, hour or day of a queue: its depths as sampled, the largest of an hour or day (None if none was taken),
    what ended, how long it ran and waited."""

    at: datetime
    until: datetime
    waiting: int | None
    active: int | None
    delayed: int | None
    failed_total: int | None
    counts: OutcomeCounts

    @classmethod
    def of(cls, number: int, minutes: int, words: dict[bytes, bytes], lately: list[bytes]) -> "HistoryPoint":
        """From the hash of that step since the epoch, and what was counted in it and is not yet added there."""
        sampled = [int(part) for part in words.pop(b"depth", b"").split(b",") if part]
        waiting, active, delayed, failed = sampled or (None, None, None, None)
        counts = OutcomeCounts()
        counts.add(word for pair in words.items() for word in pair)
        counts.add(lately)
        at = datetime.fromtimestamp(number * minutes * 60, UTC)
        return cls(at, at + timedelta(minutes=minutes), waiting, active, delayed, failed, counts)

    @property
    def completed(self) -> int:
        return self.counts.ended("completed")

    @property
    def failed(self) -> int:
        return self.counts.ended("failed") + self.counts.ended("stopped")

    @property
    def retried(self) -> int:
        return self.counts.ended("retried")

    def durations(self, job_type: str | None = None) -> list[int]:
        """How many runs had a duration in each bucket, of one type or all; of one type only by minutes."""
        found = self.counts.durations
        return found.get(job_type, []) if job_type is not None else add_buckets(found.values())


def add_buckets(counts: Iterable[Sequence[int]]) -> list[int]:
    """The sums of the buckets of several distributions."""
    return [sum(column) for column in zip_longest(*counts, fillvalue=0)]


def histories(
    broker: Broker, queues: Sequence[QueueKeys], count: int, step: str = "minute"
) -> list[list[HistoryPoint]]:
    """For each queue a point for each of the last `count` minutes, hours or days, oldest first, in one round trip.

    Raises QueueUnavailable.
    """
    minutes = STEPS[step]
    first = int(broker.time() // (60 * minutes)) - count + 1
    pipeline = broker.client.pipeline(transaction=False)
    for keys in queues:
        pipeline.hgetall(keys.counts)
        for number in range(first, first + count):
            pipeline.hgetall(keys.history(step, number))
    answers = iter(broker.call(pipeline.execute))
    return [_points(next(answers), [next(answers) for _ in range(count)], first, minutes) for _ in queues]


def _points(counts: dict[bytes, bytes], past: list[dict[bytes, bytes]], first: int, minutes: int) -> list[HistoryPoint]:
    lately: dict[int, list[bytes]] = defaultdict(list)
    for name, count in counts.items():
        minute, _, field = name.partition(b"|")
        lately[int(minute) // minutes] += (field, count)
    return [HistoryPoint.of(number, minutes, words, lately[number]) for number, words in enumerate(past, first)]
