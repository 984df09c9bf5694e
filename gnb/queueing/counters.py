"""Counters that the application keeps beside the queues: one number for all processes, which a restart leaves alone.

engine.counters.add("bookings_created", "paid")
"""

import os
import threading
from collections import Counter
from itertools import chain
from typing import Any

from .connection import Broker
from .errors import QueueUnavailable
from .scripts import COUNT

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
