"""The firings of one schedule, each one atomic step that happens once however many processes attempt it.

A firing up to 8 s late, such as after a takeover, counts as on time. A later one was missed, and the schedule's
`catch_up` decides whether the latest missed one runs. `prepare` and `repair` correct what is stored.
"""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import QueueingError, QueueUnavailable
from ..keys import NEXT, PAUSED, TEMPLATE_PREFIX
from ..messages import as_message
from ..scripts import FIRE
from .runs import KEPT, OPEN, runs_key
from .schedule import Schedule
from .store import NAMES, counters_key, firing_id, template_key

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)

LATE = timedelta(seconds=8)


def fire(engine: "Engine", name: str, template: dict[bytes, bytes], due: datetime, now: datetime) -> list[str]:
    """Fire a schedule for every due time from `due` to `now`; return the ids of the enqueued jobs."""
    schedule, meta, fired = Schedule.from_template(name, template), template[b"meta"].decode(), list[str]()
    while True:
        at, kind, missed = due, "timer", 0
        if now - due > LATE:
            count, at = schedule.missed(due, now)
            kind, missed = ("catch-up", count - 1) if schedule.catch_up == "once" else ("", count)
        following, meta_after = schedule.after(at)[0], _count_down(meta)
        answer = _step(engine, schedule, [due.timestamp(), meta, following.timestamp()], at, kind, missed, meta_after)
        log.debug("schedule %s at %s: %s", name, at, answer)
        if answer == "fired":
            fired.append(firing_id(name, at))
            meta = meta_after
        due = following
        if answer == "stale" or meta == "last" or due > now:
            return fired


def _step(
    engine: "Engine", schedule: Schedule, seen: list[Any], at: datetime, kind: str, missed: int, meta_after: str
) -> str:
    """Return the script's reply. If the type is no longer declared, or its data is invalid, the schedule's error is
    recorded and nothing is enqueued."""
    name, fields, error = schedule.name, ["", ""], ""
    try:
        if kind:
            options = {**schedule.options, "job_id": firing_id(name, at)}
            spec = engine.queue(schedule.queue).build_job(schedule.type, schedule.data, options)
            fields = [spec.job.id, spec.sub_queue, *spec.fields]
    except QueueUnavailable:
        raise
    except QueueingError as rejected:
        log.error("schedule %s cannot be fired: %s", name, rejected)
        error, kind, missed = rejected.message.pack(), "", missed + 1
    entry = f"{at.timestamp():.0f}|{kind}" if kind else ""
    keys = [NEXT, template_key(name), counters_key(name), runs_key(name), OPEN, NAMES, f"gnb:wake:{schedule.queue}"]
    args = [name, repr(seen[0]), *seen[1:], missed, error, KEPT, "1" if schedule.overlap else "", meta_after, entry]
    return str(engine.broker.run(FIRE, keys, [*args, *fields]).decode())


def record_failure(engine: "Engine", job_id: str, error: Exception) -> bool:
    """Record the error of the schedule with this template; return whether it is a new one."""
    client, call = engine.broker.client, engine.broker.call
    key, text = counters_key(job_id.removeprefix(TEMPLATE_PREFIX)), as_message(error).pack()
    known = call(lambda: client.hget(key, "error")) == text.encode()
    call(lambda: client.hset(key, "error", text))
    return not known


def _count_down(meta: str) -> str:
    """Return the meta after one firing; "last" when `repeat` is used up."""
    values = json.loads(meta)
    if values.get("repeat") is None:
        return meta
    values["repeat"] -= 1
    return json.dumps(values, sort_keys=True) if values["repeat"] > 0 else "last"


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
