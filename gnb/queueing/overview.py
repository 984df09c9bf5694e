"""Everything that the broker has counted, read in one round trip for the metrics; and the application's counters."""

import os
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from .connection import Broker
from .errors import QueueUnavailable
from .keys import NEXT
from .metrics import QueueStats
from .recurring.store import LEADER
from .scripts import COUNT, RECURRING

if TYPE_CHECKING:
    from .engine import Engine

_MOST_SCHEDULES = 200


@dataclass(frozen=True)
class ScheduleCounts:
    """A schedule's firings by what became of them, and for how many seconds its next one has been due."""

    name: str
    fired: int
    skipped: int
    missed: int
    late_seconds: float


@dataclass(frozen=True)
class Overview:
    """The broker at one moment: queues, schedules (the 200 whose time is nearest), counters by name and labels."""

    queues: list[QueueStats]
    schedules: list[ScheduleCounts]
    scheduler_leads: bool
    counters: dict[tuple[str, ...], int]


def overview(engine: "Engine") -> Overview:
    """The broker at this moment. Raises QueueUnavailable."""
    engine.counters.write()
    pipeline = engine.broker.client.pipeline(transaction=False)
    engine.ask_stats(pipeline)
    pipeline.eval(RECURRING.text, 2, NEXT, LEADER, _MOST_SCHEDULES)
    pipeline.hgetall(COUNTERS)
    *stats, (leads, now, words), counters = engine.broker.call(pipeline.execute)
    return Overview(engine.stats_of(stats), _schedules(words, float(now)), bool(leads), counted(counters))


def _schedules(words: list[Any], now: float) -> list[ScheduleCounts]:
    rows = iter(words)
    found = []
    for name, due, fired, skipped, missed in zip(rows, rows, rows, rows, rows, strict=True):
        late = max(now - float(due), 0.0)
        found.append(ScheduleCounts(name.decode(), int(fired), int(skipped), int(missed), late))
    return sorted(found, key=lambda schedule: schedule.name)


COUNTERS = "gnb:counters"


class Counters:
    """The counters of one broker.

    What is counted while it is unreachable is kept in this process until the next count or overview.
    """

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
