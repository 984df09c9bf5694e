"""Alerts: what needs attention on the overview, acknowledging it, and the rules by which people are notified of it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.admin.schema_forms import FormField
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.formatting import counted, duration, number, rate, relative, short
from gnb.messages import localize, localize_error
from gnb.models import ALERT_KINDS, AlertRule, User, db
from gnb.queueing.queue_reader import FailureGroup
from gnb.queueing.search import fold
from gnb.services import alerts, notifications, webhooks
from gnb.services.alerts import Alert
from gnb.services.mail import MailError
from gnb.services.notifications import InvalidRule
from gnb.services.queues import reading
from gnb.services.webhooks import InvalidWebhook

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


KIND_LABELS = {
    "failures": _l("new errors"),
    "no_workers": _l("queue without workers"),
    "stalled": _l("queue stalled"),
    "no_scheduler": _l("no scheduler"),
    "memory": _l("broker memory"),
    "broker": _l("broker unreachable"),
}


@blueprint.app_template_filter()
def rule_target(rule: AlertRule) -> str:
    """Return the address of a rule, of a webhook only scheme and host: its path is a secret."""
    if rule.channel == "mail":
        return rule.target
    parts = urlsplit(rule.target)
    return f"{parts.scheme}://{parts.hostname}/…"


@blueprint.get("/notifications")
def notification_rules() -> ResponseReturnValue:
    """Show the rules, and the form of a new one."""
    user = signed_in_user()
    return _page({"channel": "mail", "target": user.email, "kinds": list(ALERT_KINDS)}, {})


@blueprint.post("/notifications")
def add_notification_rule() -> ResponseReturnValue:
    """Add a rule, or show the form again with what is wrong with it."""
    sent = {name: request.form.get(name, "").strip() for name in ("channel", "target", "queue")}
    sent_kinds = request.form.getlist("kinds")
    queue = sent["queue"] if sent["queue"] in reading.queue_names() else None
    channel = "webhook" if sent["channel"] == "webhook" else "mail"
    try:
        notifications.add_rule(channel, sent["target"], queue, sent_kinds, _actor())
    except (InvalidRule, InvalidWebhook) as error:
        field = "kinds" if str(error.message.code).endswith(".kinds") else "target"
        return _page({**sent, "kinds": sent_kinds}, {field: localize(error)}), 422
    return done(gettext("Notification added. Send a test to see that it arrives."), url_for("admin.notification_rules"))


@blueprint.post("/notifications/<int:rule_id>/test")
def test_notification_rule(rule_id: int) -> ResponseReturnValue:
    """Send a test message."""
    try:
        notifications.send_test(_rule(rule_id))
    except (InvalidWebhook, MailError, *webhooks.FAILURES) as error:
        what = localize(error)
        return rejected(gettext("The test could not be sent: %(what)s", what=what), url_for("admin.notification_rules"))
    return done(gettext("Test sent."), url_for("admin.notification_rules"))


@blueprint.get("/notifications/<int:rule_id>/remove")
@admin_required
def ask_remove_notification_rule(rule_id: int) -> ResponseReturnValue:
    """Ask whether to remove a rule."""
    rule = _rule(rule_id)
    return render_template(
        "admin/confirm.html",
        title=gettext("Remove this notification?"),
        quoted=rule_target(rule),
        text=gettext("No alerts are sent there any more."),
        action=url_for("admin.remove_notification_rule", rule_id=rule_id),
        button=gettext("Remove"),
        danger=True,
        back=url_for("admin.notification_rules"),
    )


@blueprint.post("/notifications/<int:rule_id>/remove")
def remove_notification_rule(rule_id: int) -> ResponseReturnValue:
    """Remove a rule."""
    notifications.remove_rule(_rule(rule_id), _actor())
    return done(gettext("Notification removed."), url_for("admin.notification_rules"))


def _actor() -> User:
    return signed_in_user()


def _rule(rule_id: int) -> AlertRule:
    found = db.session.get(AlertRule, rule_id) if rule_id < 2**31 else None
    return found or abort(404)


def _page(values: dict[str, Any], errors: dict[str, str]) -> str:
    def field(name: str, label: str, **more: Any) -> FormField:
        return FormField(name, label, value=values.get(name), errors=(errors[name],) if name in errors else (), **more)

    channels = (("mail", gettext("Mail")), ("webhook", gettext("Webhook")))
    hint = gettext("An address, or an https URL that takes Slack's JSON.")
    fields = [
        field("channel", gettext("By"), kind="select", required=True, choices=channels),
        field("target", gettext("To"), required=True, hint=hint),
        field(
            "queue",
            gettext("Queue"),
            kind="select",
            blank=gettext("all queues"),
            choices=tuple((name, name) for name in reading.queue_names()),
        ),
        field("kinds", gettext("Of"), kind="checks", choices=tuple(KIND_LABELS.items())),
    ]
    rules = db.session.scalars(sa.select(AlertRule).order_by(AlertRule.id)).all()
    return render_template("admin/notifications.html", rules=rules, fields=fields, kinds=KIND_LABELS)
