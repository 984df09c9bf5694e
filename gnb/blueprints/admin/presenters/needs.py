"""What needs someone: each with where it is solved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext

from gnb.blueprints.admin.presenters.numbers import counted
from gnb.blueprints.admin.presenters.queue_state import stalled
from gnb.blueprints.admin.presenters.times import duration, relative


@dataclass(frozen=True)
class Need:
    """One thing that is wrong, how bad it is, and the link to where it is mended."""

    what: str
    detail: str
    tone: str
    where: str
    url: str


def needs(all_stats: Iterable[Any], failures: Mapping[str, list[Any]], schedules: Sequence[Any] = ()) -> list[Need]:
    """Return what needs someone, the worst first; ``failures`` are the newest failed jobs by queue."""
    found: list[Need] = []
    for stats in all_stats:
        url = url_for("admin.queue", queue_name=stats.name)
        if not stats.workers:
            found.append(_no_workers(stats))
        elif stalled(stats):
            waited = duration(stats.oldest_waiting_seconds)
            what = gettext("%(queue)s does not move", queue=stats.name)
            found.append(
                Need(
                    what,
                    gettext("the oldest job has waited %(time)s", time=waited),
                    "bad",
                    gettext("See the queue"),
                    url,
                )
            )
        if stats.paused:
            waiting = counted("%(count)s job waits", "%(count)s jobs wait", stats.waiting)
            found.append(
                Need(gettext("%(queue)s is paused", queue=stats.name), waiting, "warn", gettext("Resume it there"), url)
            )
        if latest := failures.get(stats.name):
            found.append(_failing(stats, latest))
    found.extend(_late(state) for state in schedules if state.late and not state.paused)
    return sorted(found, key=lambda need: need.tone != "bad")


def _no_workers(stats: Any) -> Need:
    waiting = counted("%(count)s job waits", "%(count)s jobs wait", stats.waiting)
    return Need(
        gettext("%(queue)s has no workers", queue=stats.name),
        gettext("%(waiting)s; start one with: flask jobs worker %(queue)s", waiting=waiting, queue=stats.name),
        "bad" if stats.waiting else "warn",
        gettext("See the workers"),
        url_for("admin.workers"),
    )


def _failing(stats: Any, latest: list[Any]) -> Need:
    """Return one line for the failures of a queue: how many, of which types, and the newest error."""
    types = ", ".join(list(dict.fromkeys(job.name for job in latest))[:3])
    return Need(
        counted("%(queue)s: %(count)s job failed", "%(queue)s: %(count)s jobs failed", stats.failed, queue=stats.name),
        f"{types}: {latest[0].failed_reason or ''}",
        "bad",
        gettext("See the failures"),
        url_for("admin.failure_groups", queue_name=stats.name),
    )


def _late(state: Any) -> Need:
    """Return one line for a schedule that should have fired by now: no scheduler runs."""
    return Need(
        gettext("%(name)s is late", name=state.name),
        gettext("it was due %(when)s; start a scheduler with: flask jobs scheduler", when=relative(state.next_at)),
        "bad",
        gettext("See the schedule"),
        url_for("admin.schedule", name=state.name),
    )
