"""What needs attention on the overview, how a queue is, and acknowledging an alert."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import counted, duration, number, rate, relative, short
from gnb.messages import localize, localize_error
from gnb.queueing.queue_reader import FailureGroup
from gnb.queueing.search import fold
from gnb.services import alerts
from gnb.services.alerts import Alert
from gnb.services.queues import reading

_KEY = re.compile(r"[\w:.-]{1,200}", re.ASCII)
LENGTHS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "24h": timedelta(days=1), "7d": timedelta(days=7)}


@dataclass(frozen=True)
class QueueState:
    """A word with its variant, and a sentence where the word does not explain itself."""

    label: str
    variant: str
    note: str = ""


def queue_state(stats: Any) -> QueueState:
    """Return the state of a queue from its statistics."""
    if stats.suspended:
        return QueueState(gettext("suspended"), "warn")
    if stats.paused:
        return QueueState(gettext("paused"), "warn")
    if not stats.workers:
        return QueueState(gettext("no workers"), "bad")
    if stats.is_stalled:
        return QueueState(gettext("stalled"), "bad")
    if stats.at_rate_limit:
        wait = duration(round(stats.next_start_seconds) or 1)
        note = gettext("Rate limited: %(limit)s, next start in %(time)s", limit=rate(stats.rate_limit), time=wait)
        return QueueState(gettext("rate limited"), "info", note)
    if stats.active:
        return QueueState(gettext("working"), "info")
    if stats.waiting and stats.quiet >= stats.workers:
        return QueueState(gettext("quiet"), "warn", gettext("All workers are quiet: they start no job."))
    return QueueState(gettext("ready"), "ok")


@dataclass(frozen=True)
class AlertLine:
    """An alert in the reader's language."""

    key: str
    count: int
    what: str
    detail: str
    note: str
    variant: str
    url: str
    acknowledged: str = ""


def alert_lines(found: list[Alert]) -> list[AlertLine]:
    """Return the alerts as the overview shows them."""
    return [
        AlertLine(
            alert.key,
            alert.count,
            localize(alert.what),
            _error(alert.group) if alert.group else localize(alert.detail),
            _history(alert.group) if alert.group else "",
            "bad" if alert.urgent else "warn",
            alert.path,
            _acknowledged(alert),
        )
        for alert in found
    ]


def _error(group: FailureGroup) -> str:
    """Return the error of a group, without the numbers and ids in which its jobs differ."""
    text = localize_error(group.error)
    return fold(text) if group.count > 1 else text


def _history(group: FailureGroup) -> str:
    """Return the types of a group's jobs, its age, and whether it grows."""
    if group.last_hour > group.hour_before:
        trend = gettext("rising: %(now)s in the last hour, %(before)s before", **_hours(group))
    elif group.last_hour:
        trend = gettext("%(now)s in the last hour, %(before)s before", **_hours(group))
    else:
        trend = gettext("none in the last hour")
    types = ", ".join(group.types[:3]) + ("…" if len(group.types) > 3 else "")
    ages = gettext("first %(first)s, last %(last)s", first=relative(group.first_seen), last=relative(group.last_seen))
    return f"{types} · {ages} · {trend}"


def _hours(group: FailureGroup) -> dict[str, str]:
    return {"now": number(group.last_hour), "before": number(group.hour_before)}


def _acknowledged(alert: Alert) -> str:
    if alert.state is None or alert.state.acknowledged_until is None:
        return ""
    user = alert.state.acknowledged_by
    return gettext(
        "acknowledged by %(who)s until %(time)s",
        who=user.name if user else "–",
        time=short(alert.state.acknowledged_until),
    )


def overview_alerts(all_stats: list[Any]) -> tuple[list[AlertLine], list[AlertLine]]:
    """Return the lines of what needs attention, and of what somebody has acknowledged."""
    found = alerts.current(all_stats)
    return alert_lines(found.open), alert_lines(found.acknowledged)


@blueprint.get("/alerts/acknowledge")
@admin_required
def ask_acknowledge() -> ResponseReturnValue:
    """Ask for how long an alert is to be hidden."""
    lines, _ = overview_alerts(reading.all_stats())
    line = next((line for line in lines if line.key == request.args.get("key")), None)
    if line is None:
        return rejected(gettext("There is no such alert any more."), url_for("admin.overview"))
    return render_template("admin/acknowledge.html", line=line, lengths=_lengths(), back=url_for("admin.overview"))


def _lengths() -> dict[str, str]:
    return {
        "1h": counted("%(count)s hour", "%(count)s hours", 1),
        "4h": counted("%(count)s hour", "%(count)s hours", 4),
        "24h": counted("%(count)s day", "%(count)s days", 1),
        "7d": counted("%(count)s day", "%(count)s days", 7),
    }


@blueprint.post("/alerts/acknowledge")
def acknowledge() -> ResponseReturnValue:
    """Hide an alert until it grows or the time is over."""
    found = alerts.find(reading.all_stats())
    alert = next((alert for alert in found if alert.key == request.form.get("key")), None)
    length = LENGTHS.get(request.form.get("length", ""))
    if alert is None or length is None:
        return rejected(gettext("There is no such alert any more."), url_for("admin.overview"))
    until = alerts.acknowledge(alert.key, alert.count, length, signed_in_user())
    return done(
        gettext("Acknowledged until %(time)s, or until it grows.", time=short(until)),
        url_for("admin.overview"),
        undo_url=url_for("admin.reopen_alert"),
        undo_fields={"key": alert.key},
    )


@blueprint.post("/alerts/reopen")
def reopen_alert() -> ResponseReturnValue:
    """Show an acknowledged alert again."""
    key = request.form.get("key", "")
    if not _KEY.fullmatch(key):
        return rejected(gettext("There is no such alert any more."), url_for("admin.overview"))
    alerts.end_acknowledgement(key, signed_in_user())
    return done(gettext("The alert is shown again."), url_for("admin.overview"))
