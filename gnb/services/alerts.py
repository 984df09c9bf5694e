"""What is wrong with the queues, the worst first, and who has acknowledged it.

    for alert in alerts.current(engine().stats()).open:
        print(alert.what, alert.detail, alert.path)

The overview shows these alerts, and `gnb.services.notifications` sends them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload

from gnb.extensions import db, engine
from gnb.messages import Message, make_message
from gnb.models import AlertState, User, execute_count, now
from gnb.queueing import QueueStats, ScheduleState
from gnb.queueing.queue_reader import FailureGroup
from gnb.services import audit
from gnb.services.queues import reading

GROUPED = 5000
"""How many failed jobs of a queue are grouped: as many as a queue keeps by its own settings."""

_RANKS = (
    "broker",
    "no_workers",
    "stalled",
    "no_scheduler",
    "memory",
    "late",
    "failures",
    "quiet",
    "paused",
    "idle_no_workers",
    "old_failures",
    "idle_paused",
)
_URGENT = frozenset({"broker", "no_workers", "stalled", "no_scheduler", "memory", "late", "failures"})
_NEARLY_FULL = 0.8


_Groups = dict[str, tuple[tuple[int, ...], list[FailureGroup]]]


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong: what it is, and the path of the page where it is solved.

    `rank` orders alerts, the worst first. `count` is what must grow for an acknowledged alert to be shown again.
    """

    key: str
    rank: str
    what: Message
    detail: Message
    path: str
    queue: str = ""
    count: int = 0
    group: FailureGroup | None = None
    state: AlertState | None = None

    @property
    def kind(self) -> str:
        """The kind by which a rule chooses it."""
        return self.key.partition(":")[0]

    @property
    def urgent(self) -> bool:
        return self.rank in _URGENT


@dataclass(frozen=True)
class Alerts:
    """The alerts of a moment, the worst first: those that need attention, and those that somebody has acknowledged."""

    open: list[Alert]
    acknowledged: list[Alert]


def current(all_stats: Sequence[QueueStats]) -> Alerts:
    """Return the alerts of this moment. Raises QueueUnavailable."""
    found = find(all_stats)
    rows = db.session.scalars(
        sa.select(AlertState)
        .options(joinedload(AlertState.acknowledged_by))
        .where(AlertState.acknowledged_until > now(), AlertState.key.in_([alert.key for alert in found]))
    )
    states = {row.key: row for row in rows}
    known = [replace(alert, state=states.get(alert.key)) for alert in found]
    quiet = {alert.key for alert in known if alert.state and alert.count <= alert.state.acknowledged_count}
    return Alerts(
        [alert for alert in known if alert.key not in quiet], [alert for alert in known if alert.key in quiet]
    )


def find(all_stats: Sequence[QueueStats]) -> list[Alert]:
    """Return everything that is wrong, the worst first. Raises QueueUnavailable."""
    found = [alert for stats in all_stats for alert in _of_queue(stats)]
    schedules = engine().schedules
    found += _of_schedules(schedules.list(), schedules.leader() is not None)
    found += _of_broker()
    return sorted(found, key=lambda alert: (_RANKS.index(alert.rank), -alert.count, alert.key))


def _of_queue(stats: QueueStats) -> Iterable[Alert]:
    name, waiting = stats.name, make_message("alert.waiting", num=stats.waiting)
    queue_page = f"/admin/jobs/{name}"
    if not stats.workers:
        what = make_message("alert.no_workers", queue=name)
        detail = make_message("alert.start_worker", waiting=waiting, queue=name)
        rank = "no_workers" if stats.waiting else "idle_no_workers"
        yield Alert(f"no_workers:{name}", rank, what, detail, "/admin/workers", name, stats.waiting)
    elif stats.is_stalled and stats.quiet < stats.workers:
        minutes = round((stats.oldest_waiting_seconds or 0) / 60)
        detail = make_message("alert.oldest_waiting", minutes=minutes)
        yield Alert(f"stalled:{name}", "stalled", make_message("alert.stalled", queue=name), detail, queue_page, name)
    elif stats.waiting and not stats.active and stats.quiet >= stats.workers:
        yield Alert(f"quiet:{name}", "quiet", make_message("alert.quiet", queue=name), waiting, "/admin/workers", name)
    if stats.suspended:
        rank = "paused" if stats.waiting else "idle_paused"
        what, way_out = make_message("alert.suspended", queue=name), make_message("alert.rq_resume")
        yield Alert(f"suspended:{name}", rank, what, way_out, queue_page, name)
    if stats.paused:
        rank = "paused" if stats.waiting else "idle_paused"
        yield Alert(f"paused:{name}", rank, make_message("alert.paused", queue=name), waiting, queue_page, name)
    for group in failure_groups(stats):
        what = make_message("alert.failures", num=group.count, queue=name)
        path = f"/admin/jobs/{name}?state=failed&error={group.key}"
        rank = "failures" if group.last_hour else "old_failures"
        yield Alert(f"failures:{name}:{group.key}", rank, what, Message(group.error), path, name, group.count, group)


def failure_groups(stats: QueueStats) -> list[FailureGroup]:
    """Return the failed jobs of a queue by error, the largest group first.

    Grouping reads every failed job, so a process repeats it only when a job has failed or left, and once a minute.
    """
    if not stats.failed:
        return []
    kept: _Groups = current_app.extensions.setdefault("failure_groups", {})
    stamp = (stats.failed, stats.processed_failed, int(time.time() // 60))
    if stats.name not in kept or kept[stats.name][0] != stamp:
        kept[stats.name] = stamp, engine().queue(stats.name).failure_groups(GROUPED)
    return reading.queue(stats.name).shown_groups(kept[stats.name][1])


def _of_schedules(schedules: Sequence[ScheduleState], scheduler_leads: bool) -> Iterable[Alert]:
    late = [state.name for state in schedules if state.late and not state.paused]
    if schedules and not scheduler_leads:
        detail = make_message("alert.start_scheduler", num=len(late))
        what = make_message("alert.no_scheduler")
        yield Alert("no_scheduler", "no_scheduler", what, detail, "/admin/schedules", count=len(late))
        return
    for name in late:
        what, detail = make_message("alert.late", name=name), make_message("alert.scheduler_behind")
        yield Alert(f"late:{name}", "late", what, detail, f"/admin/schedules/{name}")


def _of_broker() -> Iterable[Alert]:
    broker = engine().broker
    info = broker.call(lambda: broker.client.info("memory"))
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if limit and used > _NEARLY_FULL * limit:
        percent = round(100 * used / limit)
        what, detail = make_message("alert.memory", percent=percent), make_message("alert.memory_full")
        yield Alert("memory", "memory", what, detail, "/admin/broker", count=percent)


def acknowledge(key: str, count: int, length: timedelta, actor: User) -> datetime:
    """Hide an alert until its count exceeds this one, or the time is over; return that time. Commits."""
    until = now() + length
    values = {"acknowledged_by_id": actor.id, "acknowledged_until": until, "acknowledged_count": count}
    if not execute_count(sa.update(AlertState).where(AlertState.key == key).values(**values)):
        db.session.add(AlertState(key=key, **values))
    audit.record(actor, "alert.acknowledge", f"alert/{key}", details={"until": until.isoformat(), "count": count})
    db.session.commit()
    return until


def end_acknowledgement(key: str, actor: User) -> None:
    """Show an acknowledged alert again. Commits."""
    execute_count(sa.update(AlertState).where(AlertState.key == key).values(acknowledged_until=None))
    audit.record(actor, "alert.reopen", f"alert/{key}")
    db.session.commit()


def describe(alert: Alert) -> dict[str, Any]:
    """Return the facts of an alert for a program, such as a webhook."""
    return {"key": alert.key, "kind": alert.kind, "queue": alert.queue or None, "count": alert.count}
