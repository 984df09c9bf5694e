"""Everything the broker has counted, read in one round trip: what a scrape of the metrics asks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .keys import NEXT
from .metrics import COUNTERS, QueueStats, counted
from .recurring.store import LEADER
from .scripts import RECURRING

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
