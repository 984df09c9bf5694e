"""Repair of stored schedules: lost or foreign next times, and records of earlier releases."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import QueueUnavailable
from ..keys import TEMPLATE_PREFIX
from .schedule import Schedule
from .store import NAMES, NEXT, PAUSED, counters_key, template_key

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)


def prepare(engine: "Engine", declared: Iterable[Schedule] | None) -> None:
    """Convert the records of earlier releases and store the schedules declared in code."""
    carry_over(engine)
    for name, done in engine.schedules.sync(declared).items() if declared is not None else ():
        if done == "taken":
            log.warning("schedule %s is declared in the code, but an admin added one with that name", name)
        elif done != "kept":
            log.info("schedule %s: %s", name, done)


def repair(engine: "Engine") -> None:
    """Restore next times that are lost, or that another scheduler set to a time outside the schedule's timing."""
    client, now = engine.broker.client, engine.broker.now()
    for raw in engine.broker.call(lambda: client.smembers(NAMES)):
        name = raw.decode()
        pipeline = client.pipeline(transaction=False)
        pipeline.hgetall(template_key(name))
        pipeline.zscore(NEXT, TEMPLATE_PREFIX + name)
        pipeline.hget(counters_key(name), "moved_to")
        template, score, moved_to = engine.broker.call(pipeline.execute)
        try:
            if not template:
                engine.schedules.delete(name)
            elif score is None or (score < PAUSED and score != float(moved_to or 0)):
                schedule = Schedule.from_template(name, template)
                if score is None or not schedule.is_firing(datetime.fromtimestamp(score, UTC)):
                    log.warning("schedule %s: next time %s is repaired", name, score)
                    at = schedule.after(now)[0].timestamp()
                    engine.broker.call(lambda name=name, at=at: client.zadd(NEXT, {TEMPLATE_PREFIX + name: at}))
        except QueueUnavailable:
            raise
        except Exception:  # one unreadable record must not stop the others
            log.exception("schedule %s cannot be checked", name)


def carry_over(engine: "Engine") -> None:
    """Migrate, once, the schedules that releases before rq-scheduler stored in `gnb:schedules`."""
    client = engine.broker.client
    for raw, score in engine.broker.call(lambda: client.zrange("gnb:schedules", 0, -1, withscores=True)):
        name = raw.decode()
        old = engine.broker.call(lambda name=name: client.hgetall(counters_key(name)))
        try:
            if b"definition" in old:
                code = old.get(b"code", b"").decode() if old.get(b"origin") == b"code" else None
                paused = b"paused" in old
                first = datetime.fromtimestamp(PAUSED if paused else score, UTC)
                engine.schedules.save(Schedule.from_json(old[b"definition"]), "new", code, first)
        except QueueUnavailable:
            raise
        except Exception:  # one unreadable record must not stop the others
            log.exception("schedule %s cannot be carried over", name)
            continue
        pipeline = client.pipeline()
        pipeline.hdel(counters_key(name), "definition", "origin", "code", "paused", "created_at")
        pipeline.zrem("gnb:schedules", name)
        engine.broker.call(pipeline.execute)
