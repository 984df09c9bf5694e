"""What a queue did, minute by minute."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .connection import Broker
from .histogram import quantile
from .keys import QueueKeys
from .statistics import Tally


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
    def of(cls, minute: int, words: dict[bytes, bytes], lately: list[bytes]) -> "HistoryPoint":
        """From the hash of that minute since the epoch, and what was counted in it and is not yet added there."""
        sampled = [int(part) for part in words.pop(b"depth", b"").split(b",") if part]
        waiting, active, delayed, failed = sampled or (None, None, None, None)
        tally = Tally()
        tally.add(word for pair in words.items() for word in pair)
        tally.add(lately)
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


def histories(broker: Broker, queues: Sequence[QueueKeys], minutes: int) -> list[list[HistoryPoint]]:
    """For each queue a point for each of the last minutes, oldest first, in one round trip. Raises QueueUnavailable."""
    first = int(time.time() // 60) - minutes + 1
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
