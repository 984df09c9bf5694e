"""The runs of a schedule. Their outcomes are stored separately, because jobs are removed earlier."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import clock
from ..connection import Broker
from ..job import STATE_OF_STATUS
from ..keys import job as job_key
from ..messages import Message

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
