"""Firing what is due. Safe to do from any number of processes at once: each firing is one atomic step, made once.

A firing up to 8 s late is simply late, as when one scheduler takes over from another; one later than that was missed,
and the schedule says whether its latest is made up for or left out.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .errors import QueueingError, QueueUnavailable
from .schedule import Schedule
from .schedule_runs import KEPT, OPEN, runs_key
from .schedules import NEXT
from .scripts import Script

if TYPE_CHECKING:
    from .engine import Engine

log = logging.getLogger(__name__)

FIRE = Script("fire.lua")
LATE = timedelta(seconds=8)
_AT_ONCE = 100


def fire_due(engine: "Engine", now: datetime | None = None) -> list[str]:
    """The ids of the jobs that were enqueued for firings up to `now` (the broker's time). Raises QueueUnavailable."""
    moment = now or engine.schedules.now()
    client = engine.broker.client
    due = engine.broker.call(lambda: client.zrangebyscore(NEXT, "-inf", moment.timestamp(), 0, _AT_ONCE, withscores=True))
    fired: list[str] = []
    for name, score in due:
        fired.extend(_fire_one(engine, name.decode(), score, moment))
    return fired


def next_due(engine: "Engine") -> datetime | None:
    """When the next firing is; None when nothing is scheduled."""
    client = engine.broker.client
    first = engine.broker.call(lambda: client.zrangebyscore(NEXT, "-inf", "(+inf", 0, 1, withscores=True))
    return datetime.fromtimestamp(first[0][1], UTC) if first else None


def _fire_one(engine: "Engine", name: str, score: float, now: datetime) -> list[str]:
    """The ids of the jobs of one schedule's firings that are due."""
    definition = engine.broker.call(lambda: engine.broker.client.hget(f"gnb:schedule:{name}", "definition"))
    if definition is None:
        engine.broker.call(lambda: engine.broker.client.zrem(NEXT, name))
        return []
    schedule, fired = Schedule.from_json(definition), []
    due = datetime.fromtimestamp(score, UTC)
    while due <= now:
        kind, missed = "timer", 0
        seen = due
        if now - due > LATE:
            missed, due = schedule.missed(due, now)
            kind = "catch-up" if schedule.catch_up == "once" else ""
        following = schedule.after(due)[0]
        job_id = f"{name}-{due:%Y%m%dT%H%M%SZ}"
        if _step(engine, schedule, definition, seen, following, missed, due, kind, job_id) == "stale":
            break
        due = following
    return fired


def _step(*args: Any) -> str:
    raise NotImplementedError
