"""Counters that the application keeps beside the queues: one number for all processes, which a restart leaves alone.

engine.counters.add("bookings_created", "paid")
"""

import threading
from collections import Counter
from typing import Any

from .connection import Broker
from .errors import QueueUnavailable

COUNTERS = "gnb:counters"


class Counters:
    """The counters of one broker. What is counted while it is away waits in this process for the next count."""

    def __init__(self, broker: Broker):
        self._broker = broker
        self._lock = threading.Lock()
        self._unwritten: Counter[str] = Counter()

    def add(self, name: str, *labels: str, count: int = 1) -> None:
        """Count; returns also while the broker is away."""
        with self._lock:
            self._unwritten["|".join((name, *labels))] += count
        self.write()

    def write(self) -> None:
        """Bring what waits here to the broker; one round trip, none when nothing waits."""
        with self._lock:
            pending, self._unwritten = self._unwritten, Counter()
        if not pending:
            return
        pipeline = self._broker.client.pipeline()
        for name, count in pending.items():
            pipeline.hincrby(COUNTERS, name, count)
        try:
            self._broker.call(pipeline.execute)
        except QueueUnavailable:
            with self._lock:
                self._unwritten.update(pending)

    def read(self) -> dict[tuple[str, ...], int]:
        """Every counter by name and labels. Raises QueueUnavailable."""
        return counted(self._broker.call(lambda: self._broker.client.hgetall(COUNTERS)))


def counted(answer: dict[Any, Any]) -> dict[tuple[str, ...], int]:
    """The broker's counters by name and labels."""
    return {tuple(name.decode().split("|")): int(value) for name, value in answer.items()}
