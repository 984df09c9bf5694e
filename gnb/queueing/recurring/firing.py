"""The firings of one schedule. Each is one atomic step and happens once, however many processes attempt it.

A firing up to 8 s late, such as after a takeover, counts as on time. A later one was missed, and the schedule's
`catch_up` decides whether the latest missed one runs.
"""

import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import QueueingError, QueueUnavailable
from ..keys import TEMPLATE_PREFIX
from ..scripts import FIRE
from .runs import KEPT, OPEN, runs_key
from .schedule import Schedule
from .store import NAMES, NEXT, counters_key, firing_id, template_key

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
        error, kind, missed = str(rejected), "", missed + 1
    entry = f"{at.timestamp():.0f}|{kind}" if kind else ""
    keys = [NEXT, template_key(name), counters_key(name), runs_key(name), OPEN, NAMES, f"gnb:wake:{schedule.queue}"]
    args = [name, repr(seen[0]), *seen[1:], missed, error, KEPT, "1" if schedule.overlap else "", meta_after, entry]
    return str(engine.broker.run(FIRE, keys, [*args, *fields]).decode())


def record_failure(engine: "Engine", job_id: str, error: Exception) -> bool:
    """Record the error of the schedule with this template; return whether it is a new one."""
    client, call = engine.broker.client, engine.broker.call
    key, text = counters_key(job_id.removeprefix(TEMPLATE_PREFIX)), f"{type(error).__name__}: {error}"
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
