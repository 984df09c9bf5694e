"""What needs someone: each with where it is solved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext

from gnb.blueprints.shared.formatting import counted, duration, relative
from gnb.services.queues import reading


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong, how bad it is, and the link to where it is mended."""

    what: str
    detail: str
    variant: str
    where: str
    url: str


def alerts(all_stats: Iterable[Any], failures: Mapping[str, list[Any]], schedules: Sequence[Any] = ()) -> list[Alert]:
    """Return what needs someone, the worst first; ``failures`` are the newest failed jobs by queue."""
    found: list[Alert] = []
    for stats in all_stats:
        url = url_for("admin.queue", queue_name=stats.name)
        if not stats.workers:
            found.append(_no_workers(stats))
        elif is_stalled(stats):
            waited = duration(stats.oldest_waiting_seconds)
            what = gettext("%(queue)s is stalled", queue=stats.name)
            found.append(
                Alert(
                    what,
                    gettext("oldest job waiting for %(time)s", time=waited),
                    "bad",
                    gettext("View queue"),
                    url,
                )
            )
        if stats.suspended:
            what = gettext("%(queue)s is suspended by RQ", queue=stats.name)
            way_out = gettext("To resume all queues: rq resume")
            found.append(Alert(what, way_out, "warn", gettext("Go to the queue"), url))
        if stats.paused:
            waiting = counted("%(count)s job waits", "%(count)s jobs wait", stats.waiting)
            found.append(
                Alert(
                    gettext("%(queue)s is paused", queue=stats.name), waiting, "warn", gettext("Go to the queue"), url
                )
            )
        if latest := failures.get(stats.name):
            found.append(_failing(stats, latest))
    found.extend(_late(state) for state in schedules if state.late and not state.paused)
    return sorted(found, key=lambda alert: alert.variant != "bad")


def _no_workers(stats: Any) -> Alert:
    waiting = counted("%(count)s job waits", "%(count)s jobs wait", stats.waiting)
    return Alert(
        gettext("%(queue)s has no workers", queue=stats.name),
        gettext("%(waiting)s; start one with: flask jobs worker %(queue)s", waiting=waiting, queue=stats.name),
        "bad" if stats.waiting else "warn",
        gettext("View workers"),
        url_for("admin.workers"),
    )


def _failing(stats: Any, latest: list[Any]) -> Alert:
    """Return one line for the failures of a queue: how many, of which types, and the newest error."""
    types = ", ".join(list(dict.fromkeys(job.name for job in latest))[:3])
    return Alert(
        counted("%(queue)s: %(count)s job failed", "%(queue)s: %(count)s jobs failed", stats.failed, queue=stats.name),
        f"{types}: {latest[0].failed_reason or ''}",
        "bad",
        gettext("View failures"),
        url_for("admin.failure_groups", queue_name=stats.name),
    )


def _late(state: Any) -> Alert:
    """Return one line for a schedule that should have fired by now: no scheduler runs."""
    return Alert(
        gettext("%(name)s is overdue", name=state.name),
        gettext("it was due %(when)s; start a scheduler with: flask jobs scheduler", when=relative(state.next_at)),
        "bad",
        gettext("View schedule"),
        url_for("admin.schedule", name=state.name),
    )


# A queue whose next job has waited this long while a worker is free is not moving.
STALLED_AFTER_SECONDS = 300


@dataclass(frozen=True)
class QueueState:
    """A word with its variant."""

    label: str
    variant: str


def queue_state(stats: Any) -> QueueState:
    """Return the state of a queue from its statistics."""
    if stats.suspended:
        return QueueState(gettext("suspended"), "warn")
    if stats.paused:
        return QueueState(gettext("paused"), "warn")
    if not stats.workers:
        return QueueState(gettext("no workers"), "bad")
    if is_stalled(stats):
        return QueueState(gettext("stalled"), "bad")
    if stats.active:
        return QueueState(gettext("working"), "info")
    return QueueState(gettext("ready"), "ok")


def is_stalled(stats: Any) -> bool:
    """Return whether jobs wait for long although nothing is being worked on."""
    waited = stats.oldest_waiting_seconds or 0
    return bool(stats.waiting and not stats.active and waited > STALLED_AFTER_SECONDS)


# The overview says what fails lately; the page of failures counts all.
LATEST_FAILED = 50


def latest_failed(all_stats: list[Any]) -> dict[str, list[Any]]:
    """Return the newest failed jobs of the queues that have some."""
    return {
        stats.name: reading.queue(stats.name).jobs("failed", 0, LATEST_FAILED).jobs
        for stats in all_stats
        if stats.failed
    }
