"""Notify people of alerts: a mail, or a POST to a webhook, for each rule, grouped, and again when they are resolved.

Nothing here uses a queue, so that it works while the email queue or the broker is in trouble. The web and scheduler
processes check every `INTERVAL` seconds; one of them does it at a time, by a conditional update in the database.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from flask_babel import force_locale
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gnb.extensions import db, engine, settings
from gnb.messages import DomainError, Message, localize, localize_error, make_message
from gnb.messages.formats import text_language
from gnb.models import ALERT_KINDS, AlertRule, AlertState, User, execute_count, normalize_email, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services import alerts, audit, webhooks
from gnb.services.alerts import Alert
from gnb.services.mail import InvalidMessage, MailError
from gnb.services.mail.addresses import checked_address
from gnb.services.mail.message import Content, Envelope, build, render, sender_domain
from gnb.services.mail.providers import provider
from gnb.services.webhooks import InvalidWebhook

log = structlog.stdlib.get_logger(__name__)

INTERVAL = 30.0
SETTLED_AFTER = timedelta(minutes=1)
"""How long a queue must be without workers or stalled, or a scheduler absent, before anybody is notified: a restart
takes less."""

_MOST_LINES = 20
_SETTLING = ("no_workers", "stalled", "no_scheduler", "broker")


class InvalidRule(DomainError):
    """A rule has no kind, or an address that no mail can go to."""

    code = "invalid_rule"


def add_rule(channel: str, target: str, queue: str | None, kinds: Iterable[str], actor: User) -> AlertRule:
    """Add a rule and return it. Commits. Raises InvalidRule, InvalidWebhook."""
    chosen = {kind: True for kind in kinds if kind in ALERT_KINDS}
    if not chosen:
        raise InvalidRule("kinds")
    target = target.strip()
    if channel == "webhook":
        webhooks.check_url(target)
    else:
        try:
            target = normalize_email(checked_address(target))
        except InvalidMessage as error:
            raise InvalidRule(error.message) from error
    rule = AlertRule(channel=channel, target=target, queue=queue, kinds=chosen, created_by_id=actor.id)
    db.session.add(rule)
    db.session.flush()
    details = {"channel": channel, "queue": queue, "kinds": sorted(chosen)}
    audit.record(actor, "alert.add-rule", f"rule/{rule.id}", details=details)
    db.session.commit()
    return rule


def remove_rule(rule: AlertRule, actor: User) -> None:
    """Remove a rule. Commits."""
    audit.record(actor, "alert.remove-rule", f"rule/{rule.id}", details={"channel": rule.channel})
    db.session.delete(rule)
    db.session.commit()


def send_test(rule: AlertRule) -> None:
    """Send a test message by a rule. Raises InvalidWebhook, MailError, OSError."""
    _send(rule, [make_message("alert.test")], [], [])


def start(app: Flask) -> None:
    """Check in a thread of this process until it ends."""
    threading.Thread(target=_run, args=(app,), name="notifications", daemon=True).start()


def _run(app: Flask) -> None:
    while True:
        time.sleep(INTERVAL * random.uniform(0.8, 1.2))
        with app.app_context():
            try:
                check()
            except SQLAlchemyError as error:
                log.warning("the alerts could not be checked", cause=type(error).__name__)
            except Exception:
                log.exception("the alerts could not be checked")


def check() -> int:
    """Send what is new or resolved by the rules, and return how many messages were sent. Commits.

    Does nothing if there are no rules, or another process has checked in the last seconds.
    """
    rules = list(db.session.scalars(sa.select(AlertRule).order_by(AlertRule.id)))
    if not rules or not _claim():
        db.session.rollback()
        return 0
    found, acknowledged = _notifiable()
    states = _update_states(found, acknowledged)
    return sum(_apply(rule, found, acknowledged, states) for rule in rules)


def _claim() -> bool:
    """Return whether this process checks now."""
    moment = now()
    due = sa.and_(
        AlertState.key == AlertState.CHECK, AlertState.checked_at < moment - timedelta(seconds=INTERVAL * 0.7)
    )
    claimed = execute_count(sa.update(AlertState).where(due).values(checked_at=moment))
    if not claimed and db.session.get(AlertState, AlertState.CHECK) is None:
        db.session.add(AlertState(key=AlertState.CHECK))
        claimed = 1
    try:
        db.session.commit()
    except IntegrityError:  # another process has just added the row
        db.session.rollback()
        return False
    return bool(claimed)


def _extend_claim() -> None:
    """Keep other processes from checking while this one waits for the servers of several rules."""
    db.session.execute(sa.update(AlertState).where(AlertState.key == AlertState.CHECK).values(checked_at=now()))
    db.session.commit()


def _notifiable() -> tuple[dict[str, Alert], set[str]]:
    """Return the alerts of the kinds that rules know, and the keys of those that somebody has acknowledged."""
    try:
        found = alerts.current(engine().stats())
    except QueueUnavailable as error:
        down = Alert("broker", "broker", make_message("alert.broker"), error.message, "/admin/")
        return {down.key: down}, set()
    return (
        {alert.key: alert for alert in found.open if alert.kind in ALERT_KINDS},
        {alert.key for alert in found.acknowledged},
    )


def _update_states(found: Mapping[str, Alert], acknowledged: set[str]) -> dict[str, AlertState]:
    """Add a row for each new alert and remove those of ended ones that nobody was notified of; return the rows."""
    rows = {row.key: row for row in db.session.scalars(sa.select(AlertState))}
    rows.pop(AlertState.CHECK, None)
    moment = now()
    for key, alert in found.items():
        row = rows.get(key)
        if row is None or (not row.notified and moment - row.checked_at > timedelta(seconds=4 * INTERVAL)):
            if row is None:
                row = rows[key] = AlertState(key=key, notified=[])
                db.session.add(row)
            row.first_seen_at = moment
        row.summary, row.checked_at = f"{alert.what}"[:500], moment
    for key in [key for key in rows if key not in found and key not in acknowledged]:
        row = rows[key]
        if not row.notified and not (row.acknowledged_until and row.acknowledged_until > moment):
            db.session.delete(rows.pop(key))
    db.session.commit()
    return rows


def _apply(
    rule: AlertRule, found: Mapping[str, Alert], acknowledged: set[str], states: Mapping[str, AlertState]
) -> int:
    """Send one message with what is new and what is resolved for a rule; return 1 if there was something to send."""
    matching = [alert for alert in found.values() if _matches(rule, alert) and _settled(alert, states)]
    new = [alert for alert in matching if rule.id not in states[alert.key].notified]
    # While the broker does not answer, nobody knows whether the others are resolved.
    ended = [] if "broker" in found else [key for key in states if key not in found and key not in acknowledged]
    over = [states[key] for key in ended if rule.id in states[key].notified]
    if not new and not over:
        return 0
    _extend_claim()
    try:
        _send(rule, [], new, over)
    except (InvalidWebhook, MailError, *webhooks.FAILURES) as error:
        # Sent again by the next check: nothing is marked as notified.
        rule.error = str(error)[:500] or type(error).__name__
        db.session.commit()
        log.warning("a notification could not be sent", rule=rule.id, cause=rule.error)
        return 0
    for alert in new:
        states[alert.key].notified = [*states[alert.key].notified, rule.id]
    for row in over:
        row.notified = [each for each in row.notified if each != rule.id]
    rule.error, rule.notified_at = None, now()
    db.session.commit()
    return 1


def _matches(rule: AlertRule, alert: Alert) -> bool:
    return alert.kind in rule.kinds and (not rule.queue or not alert.queue or rule.queue == alert.queue)


def _settled(alert: Alert, states: Mapping[str, AlertState]) -> bool:
    return alert.kind not in _SETTLING or now() - states[alert.key].first_seen_at >= SETTLED_AFTER


def _send(rule: AlertRule, other: list[Message], new: list[Alert], over: list[AlertState]) -> None:
    if rule.channel == "webhook":
        target, body = rule.target, payload(other, new, over)
        db.session.rollback()  # no transaction stays open while waiting for the server
        webhooks.post(target, body)
    else:
        _mail(rule.target, other, new, over)


def payload(other: list[Message], new: list[Alert], over: list[AlertState]) -> dict[str, Any]:
    """Return the body of a webhook: `text` is what Slack and its like show, the rest is for programs."""
    site = settings().site_url
    lines = [*map(str, other)]
    lines += [f":red_circle: {alert.what}: {_detail(alert)} <{site}{alert.path}>" for alert in new[:_MOST_LINES]]
    lines += [f":white_check_mark: resolved: {row.summary}" for row in over[:_MOST_LINES]]
    return {
        "text": "\n".join(lines),
        "alerts": [alerts.describe(alert) for alert in new],
        "resolved": [row.key for row in over],
    }


def _mail(address: str, other: list[Message], new: list[Alert], over: list[AlertState]) -> None:
    user = db.session.scalar(sa.select(User).where(User.email == address))
    site, language = settings().site_url, text_language(user.language if user else "en")
    with force_locale(language):
        lines = [(localize(alert.what), _detail(alert), site + alert.path) for alert in new[:_MOST_LINES]]
        facts = {
            "site_url": site,
            "other": [localize(message) for message in other],
            "new": lines,
            "more": len(new) - len(lines),
            "over": [row.summary for row in over[:_MOST_LINES]],
        }
        subject, html, text = render("alerts", language, **facts)
    sender = settings().email_from
    identity = f"<alerts.{now().timestamp():.0f}.{random.randrange(2**32):08x}@{sender_domain(sender)}>"
    envelope = Envelope(sender, address, user.name if user else "", identity, now())
    source = build(envelope, Content(subject, html, text, language))
    db.session.rollback()  # no transaction stays open while waiting for the server
    by = provider()
    by.send(envelope.sender_address, address, source)
    if by.keeps:
        log.warning("a notification went to the sink", subject=subject, lines=[line[0] for line in lines])


def _detail(alert: Alert) -> str:
    return localize_error(alert.detail) if alert.group else localize(alert.detail)
