"""The runs of one schedule: firing, one atomic step that happens once however many processes attempt it, and outcomes.

A firing up to 8 s late, such as after a takeover, counts as on time. A later one was missed, and the schedule's
`catch_up` decides whether the latest missed one runs. `prepare` and `repair` correct what is stored. The outcomes of
runs are stored apart from their jobs, which are removed earlier.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .. import clock
from ..connection import Broker
from ..errors import QueueingError, QueueUnavailable
from ..job import STATE_OF_STATUS
from ..keys import TEMPLATE_PREFIX
from ..keys import job as job_key
from ..messages import Message, as_message
from ..scripts import FIRE
from .schedule import Schedule
from .store import NAMES, NEXT, PAUSED, counters_key, firing_id, template_key

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


KEPT = 50
OPEN = "gnb:schedules:open"
_ENDED = ("completed", "failed")
_FIELDS = ("status", "started_at", "ended_at", "error")
"""The fields of a job that make an outcome, stored as a JSON list."""


def runs_key(name: str) -> str:
    return f"gnb:schedule:{name}:runs"


def outcomes_key(name: str) -> str:
    return f"gnb:schedule:{name}:ends"


@dataclass(frozen=True)
class Run:
    """One firing. `kind`: timer, catch-up or hand (run by a person). `outcome`: the job's state, or removed."""

    job_id: str
    fired_for: datetime
    kind: str
    outcome: str = "removed"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None

    @property
    def duration(self) -> float | None:
        """Seconds from the last start to the end; None before the end."""
        if self.outcome not in _ENDED or not self.started_at or not self.finished_at:
            return None
        return max((self.finished_at - self.started_at).total_seconds(), 0.0)


def read_runs(broker: Broker, names: Iterable[str], count: int = KEPT) -> dict[str, list[Run]]:
    """Return the newest runs of each schedule, newest first, in a constant number of round trips."""
    names = list(names)
    pipeline = broker.client.pipeline(transaction=False)
    for name in names:
        pipeline.lrange(runs_key(name), 0, count - 1)
    entries = dict(zip(names, broker.call(pipeline.execute) if names else [], strict=True))
    firings = [(name, *entry.decode().split("|")) for name in names for entry in entries[name]]
    found: dict[str, list[Run]] = {name: [] for name in names}
    for (name, job_id, at, kind), values in zip(firings, _ends(broker, firings), strict=True):
        found[name].append(_run(job_id, datetime.fromtimestamp(float(at), UTC), kind, values))
    return found


def _ends(broker: Broker, firings: list[Any]) -> list[list[str]]:
    """Return the _FIELDS of each firing from its job, else from its stored outcome; empty if there is neither."""
    pipeline = broker.client.pipeline(transaction=False)
    for name, job_id, *_ in firings:
        pipeline.hmget(job_key(job_id), _FIELDS)
        pipeline.hget(outcomes_key(name), job_id)
    answers = broker.call(pipeline.execute) if firings else []
    return [
        [value.decode(errors="replace") if value else "" for value in job] if job[0] else json.loads(written or "[]")
        for job, written in zip(answers[::2], answers[1::2], strict=True)
    ]


def _run(job_id: str, fired_for: datetime, kind: str, values: list[str]) -> Run:
    if not values:
        return Run(job_id, fired_for, kind)
    status, started, ended, error = values
    outcome = STATE_OF_STATUS.get(status, "waiting")
    finished_at = clock.parse(ended) if outcome in _ENDED else None
    message = Message.unpack(error) if error and outcome != "completed" else None
    return Run(job_id, fired_for, kind, outcome, clock.parse(started), finished_at, message)


def write_outcomes(broker: Broker) -> int:
    """Store the outcomes of runs that ended since the last call; return their number."""
    members = [member.decode() for member in broker.call(lambda: broker.client.srandmember(OPEN, 500))]
    firings = [tuple(member.split("|", 1)) for member in members]
    pipeline, ended = broker.client.pipeline(), 0
    for member, (name, job_id), values in zip(members, firings, _ends(broker, firings), strict=True):
        if values and STATE_OF_STATUS.get(values[0]) not in _ENDED:
            continue
        ended += 1
        pipeline.srem(OPEN, member)
        if values:
            pipeline.hset(outcomes_key(name), job_id, json.dumps(values))
    if ended:
        broker.call(pipeline.execute)
        _delete_old_outcomes(broker, {name for name, _ in firings})
    return ended


def _delete_old_outcomes(broker: Broker, names: set[str]) -> None:
    """Delete the outcomes of runs that are no longer listed."""
    client = broker.client
    for name in names:
        pipeline = client.pipeline(transaction=False)
        pipeline.lrange(runs_key(name), 0, -1)
        pipeline.hkeys(outcomes_key(name))
        entries, written = broker.call(pipeline.execute)
        if old := set(written) - {entry.partition(b"|")[0] for entry in entries}:
            broker.call(lambda name=name, old=old: client.hdel(outcomes_key(name), *old))
