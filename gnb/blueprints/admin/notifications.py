"""The rules by which people are notified of alerts: list, add, test, remove."""

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
from gnb.messages import localize
from gnb.models import ALERT_KINDS, AlertRule, User, db
from gnb.services import notifications, webhooks
from gnb.services.mail import MailError
from gnb.services.notifications import InvalidRule
from gnb.services.queues import reading
from gnb.services.webhooks import InvalidWebhook

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
