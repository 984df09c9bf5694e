"""Alerts are sent by mail and to webhooks without the help of any queue, grouped, once, and again when resolved."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import AlertRule
from gnb.services import alerts, notifications, webhooks
from gnb.services.webhooks import InvalidWebhook
from tests.business import make_user
from tests.integration.api import probe
from tests.integration.test_alerts import failed
from tests.mail_server import MailServer
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite
assert probe


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "INTERVAL", 0.0)
    monkeypatch.setattr(notifications, "SETTLED_AFTER", timedelta(0))


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def settings(settings: Settings, mail: MailServer) -> Settings:
    return replace(
        settings, email_provider="smtp", smtp_host="127.0.0.1", smtp_port=mail.port, alert_webhook_private=True
    )


class Hook(ThreadingHTTPServer):
    """A webhook on loopback that keeps what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self.work: Callable[[], object] = list
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?key=1"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.work()
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    yield server
    server.shutdown()
    server.server_close()


def rule(channel: str, target: str, *kinds: str, queue: str | None = None) -> AlertRule:
    return notifications.add_rule(channel, target, queue, kinds, make_user(role="admin"))


def test_a_new_error_is_mailed_once_while_the_email_queue_stands_still(app: Flask, mail: MailServer) -> None:
    rule("mail", "Night@gnb.example", "failures")
    engine().queue("email").pause()
    failed("FinalError: booking 7 does not exist")
    failed("ValueError: other")
    assert [notifications.check(), notifications.check()] == [1, 0]
    assert mail.recipients == ["night@gnb.example"]
    text = mail.messages[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail.messages[0]["Subject"] == "2 alerts: email: 1 job failed"
    assert "Permanent error: booking 7 does not exist" in text and "ValueError: other" in text
    assert "/admin/jobs/email?state=failed&error=" in text
    assert engine().stats()[1].total == 2, "the email queue has no more than the failed jobs"


def test_a_webhook_gets_slacks_json_and_a_message_when_it_is_over(app: Flask, hook: Hook) -> None:
    rule("webhook", hook.url, "no_workers", queue="ai")
    assert notifications.check() == 1
    assert hook.bodies[0]["alerts"] == [{"key": "no_workers:ai", "kind": "no_workers", "queue": "ai", "count": 0}]
    assert "ai has no workers" in hook.bodies[0]["text"]
    engine().broker.client.sadd("rq:workers:ai", "rq:worker:one")
    engine().broker.client.hset("rq:worker:one", "state", "idle")
    assert notifications.check() == 1
    assert hook.bodies[1]["resolved"] == ["no_workers:ai"] and "resolved: ai has no workers" in hook.bodies[1]["text"]
    assert notifications.check() == 0


def test_what_could_not_be_sent_is_sent_by_the_next_check_and_the_page_says_why(app: Flask, hook: Hook) -> None:
    made = rule("webhook", hook.url, "no_workers", queue="ai")
    hook.status = 500
    assert notifications.check() == 0
    assert made.error == "the server answered 500"
    hook.status = 200
    assert notifications.check() == 1
    assert made.error is None


def test_nobody_else_checks_while_slow_servers_are_waited_for(
    app: Flask, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        time.sleep(0.8)
        with app.app_context():
            others.append(notifications.check())

    others: list[int] = []
    for _ in range(3):
        rule("webhook", hook.url, "no_workers", queue="ai")
    monkeypatch.setattr(notifications, "INTERVAL", 2.0)
    hook.work = work
    assert notifications.check() == 3
    assert others == [0, 0, 0]
    assert len(hook.bodies) == 3


def test_an_acknowledged_alert_is_neither_sent_nor_called_resolved(app: Flask, hook: Hook) -> None:
    rule("webhook", hook.url, "no_workers", queue="ai")
    notifications.check()
    alerts.acknowledge("no_workers:ai", 0, timedelta(hours=1), make_user(role="admin"))
    assert notifications.check() == 0


def test_a_broker_that_does_not_answer_is_notified(app: Flask, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    rule("webhook", hook.url, "broker")
    assert notifications.check() == 0
    unreachable = app.extensions["engine"].broker.client.connection_pool.connection_kwargs
    monkeypatch.setitem(unreachable, "path", "/nowhere/valkey.sock")
    engine().broker.client.connection_pool.reset()
    assert notifications.check() == 1
    assert "the broker is unreachable" in hook.bodies[0]["text"]


def test_a_short_absence_of_workers_notifies_nobody(app: Flask, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "SETTLED_AFTER", timedelta(minutes=1))
    rule("webhook", hook.url, "no_workers")
    assert notifications.check() == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest",
        "https://localhost/hook",
        "https://user:word@example.com/",
        "ftp://example.com/",
        "https://",
        "https://example.com:99999/",
    ],
)
def test_a_webhook_cannot_reach_the_servers_own_network(app: Flask, url: str) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], alert_webhook_private=False)
    with pytest.raises(InvalidWebhook):
        webhooks.post(url, {})


def test_rules_are_added_tested_and_removed_on_their_page(app: Flask, client: FlaskClient, hook: Hook) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin"))
    form = {"channel": "webhook", "target": hook.url, "queue": "email", "kinds": ["failures", "memory"]}
    page = client.post("/admin/notifications", data=form, follow_redirects=True).text
    assert "Notification added." in page and "new errors, broker memory" in page
    assert "key=1" not in page, "the path of a webhook is a secret"
    made = db.session.scalars(db.select(AlertRule)).one()
    assert "Test sent." in client.post(f"/admin/notifications/{made.id}/test", follow_redirects=True).text
    assert hook.bodies == [{"text": "This is a test. Alerts will arrive here.", "alerts": [], "resolved": []}]
    assert client.post("/admin/notifications", data={**form, "kinds": []}).status_code == 422
    assert client.post("/admin/notifications", data={**form, "target": "nowhere"}).status_code == 422
    client.post(f"/admin/notifications/{made.id}/remove")
    assert "Nobody is notified" in client.get("/admin/notifications").text


def test_staff_who_may_only_read_see_the_rules_and_change_none(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="support"))
    page = client.get("/admin/notifications")
    assert page.status_code == 200 and "New notification" not in page.text
    assert client.post("/admin/notifications", data={"channel": "mail"}).status_code == 403
