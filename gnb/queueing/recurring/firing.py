"""Firing what is due. Safe to do from any number of processes at once: each firing is one atomic step, made once.

A firing up to 8 s late is simply late, as when one scheduler takes over from another; one later than that was missed,
and the schedule says whether its latest is made up for or left out.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import QueueingError, QueueUnavailable
from ..scripts import FIRE
from .runs import KEPT, OPEN, runs_key
from .schedule import Schedule
from .store import NEXT, firing_id

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)

LATE = timedelta(seconds=8)
_AT_ONCE = 100


def fire_due(engine: "Engine", now: datetime | None = None) -> list[str]:
    """The ids of the jobs that were enqueued for firings up to `now` (the broker's time). Raises QueueUnavailable."""
    moment = now or engine.broker.now()
    client = engine.broker.client
    due = engine.broker.call(
        lambda: client.zrangebyscore(NEXT, "-inf", moment.timestamp(), 0, _AT_ONCE, withscores=True)
    )
    fired: list[str] = []
    for name, score in due:
        fired.extend(_fire_one(engine, name.decode(), score, moment))
    return fired


def next_due(engine: "Engine") -> datetime | None:
    """When the next firing is; None when nothing is scheduled."""
    client = engine.broker.client
    first = engine.broker.call(lambda: client.zrangebyscore(NEXT, "-inf", "(+inf", 0, 1, withscores=True))
    return datetime.fromtimestamp(first[0][1], UTC) if first else None


@dataclass(frozen=True)
class _Firing:
    """One step: from the time that was seen to the next one, with a job for `due` unless `kind` is ""."""

    schedule: Schedule
    definition: bytes
    seen: float
    due: datetime
    missed: int
    kind: str

    @property
    def job_id(self) -> str:
        return firing_id(self.schedule.name, self.due)


def _fire_one(engine: "Engine", name: str, seen: float, now: datetime) -> list[str]:
    """The ids of the jobs of one schedule's firings that are due."""
    definition = engine.broker.call(lambda: engine.broker.client.hget(f"gnb:schedule:{name}", "definition"))
    if definition is None:
        engine.broker.call(lambda: engine.broker.client.zrem(NEXT, name))
        return []
    schedule, due, fired = Schedule.from_json(definition), datetime.fromtimestamp(seen, UTC), []
    while due <= now:
        firing = _firing(schedule, definition, due, now)
        following = schedule.after(firing.due)[0]
        answer = _step(engine, firing, following)
        log.debug("schedule %s at %s: %s", name, firing.due, answer)
        if answer == "fired":
            fired.append(firing.job_id)
        elif answer == "stale":
            break
        due = following
    return fired


def _firing(schedule: Schedule, definition: bytes, due: datetime, now: datetime) -> _Firing:
    seen = due.timestamp()
    if now - due <= LATE:
        return _Firing(schedule, definition, seen, due, 0, "timer")
    count, latest = schedule.missed(due, now)
    if schedule.catch_up == "once":
        return _Firing(schedule, definition, seen, latest, count - 1, "catch-up")
    return _Firing(schedule, definition, seen, latest, count, "")


def _step(engine: "Engine", firing: _Firing, following: datetime) -> str:
    """What the script answers. A type that is no longer declared, or data that no longer fits, is noted and passed."""
    schedule, words, error, kind, missed = firing.schedule, ["", ""], "", firing.kind, firing.missed
    queue_name = schedule.queue
    try:
        queue = engine.queue(queue_name)
        if kind:
            words = _words(engine, firing)
        wake = queue.keys.wake
    except QueueUnavailable:
        raise
    except QueueingError as refused:
        log.error("schedule %s cannot be fired: %s", schedule.name, refused)
        error, kind, missed, wake = str(refused), "", missed + 1, f"gnb:wake:{queue_name}"
    entry = f"{firing.due.timestamp():.0f}|{kind}" if kind else ""
    keys = [NEXT, f"gnb:schedule:{schedule.name}", runs_key(schedule.name), OPEN, wake]
    args = [schedule.name, repr(firing.seen), firing.definition, following.timestamp(), missed, error, KEPT]
    answer = engine.broker.run(FIRE, keys, [*args, "1" if schedule.overlap else "", entry, *words])
    return str(answer.decode())


def _words(engine: "Engine", firing: _Firing) -> list[Any]:
    """Job id, sub_queue and the words of the job's hash."""
    schedule = firing.schedule
    options = {**schedule.options, "job_id": firing.job_id}
    build_job = engine.queue(schedule.queue).build_job(schedule.type, schedule.data, options)
    job_id, sub_queue, _delay, _taken, _count, *words = build_job.words
    return [job_id, sub_queue, *words]
