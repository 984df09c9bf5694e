"""What the overview says needs attention, in which order, and what acknowledging an alert does."""

import re
import time
from traceback import TracebackException

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from gnb.extensions import db, engine
from gnb.messages import localize, localize_error
from gnb.models import AuditEntry
from gnb.queueing import FinalError, InvalidJobData
from gnb.queueing.errors import JobStopped, JobTimedOut
from gnb.queueing.execution import _error_field
from gnb.queueing.messages import Message
from gnb.services import alerts
from tests.business import make_user
from tests.integration.api import probe
from tests.servers import Broker, on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite
assert probe


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin"))
    return client


def waiting_for_ten_minutes(queue: str = "email", worker: str = "one") -> None:
    """A job that has waited for ten minutes, and an idle worker."""
    job, client = engine().queue(queue).enqueue("probe"), engine().broker.client
    past = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - 600))
    client.hset(f"rq:job:{job.id}", "enqueued_at", past)
    client.sadd(f"rq:workers:{queue}", f"rq:worker:{worker}")
    client.hset(f"rq:worker:{worker}", mapping={"state": "idle", "queues": queue})


def starts(queue: str, *seconds_ago: float) -> None:
    """The starts that the rate limit has counted."""
    client = engine().broker.client
    for seconds in seconds_ago:
        client.rpush(f"gnb:starts:{queue}", f"{time.time() - seconds:.6f}")


def failed(error: str, *, hours_ago: float = 0.1, queue: str = "email", job_type: str = "probe") -> str:
    """A job that failed with this error."""
    job, client = engine().queue(queue).enqueue(job_type), engine().broker.client
    at = time.time() - hours_ago * 3600
    ended = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(at))
    client.lrem(f"rq:queue:{queue}", 0, job.id)
    client.hset(f"rq:job:{job.id}", mapping={"status": "failed", "error": error, "ended_at": ended})
    client.zadd(f"rq:failed:{queue}", {job.id: time.time() + 86400})
    return str(job.id)


def queue_row(page: str, queue: str) -> str:
    found = re.search(rf'<tr id="queue-{queue}">.*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


def test_a_queue_that_moves_at_its_rate_limit_is_calm_and_says_when_the_next_job_starts(admin: FlaskClient) -> None:
    waiting_for_ten_minutes()
    starts("email", *[26.0] * 50)
    page = admin.get("/admin/").text
    assert "Rate limited: 50 a minute, next start in 34 s" in queue_row(page, "email")
    assert "stalled" not in page
    assert "stalled:email" not in [alert.key for alert in alerts.find(engine().stats())]
    assert [stats.at_rate_limit for stats in engine().stats()] == [False, True, False, False]


def test_a_queue_whose_limit_is_free_and_whose_jobs_wait_for_long_is_stalled(admin: FlaskClient) -> None:
    waiting_for_ten_minutes()
    starts("email", 400.0)
    page = admin.get("/admin/").text
    assert "stalled" in queue_row(page, "email")
    assert "oldest job waiting for 10 min" in page


def test_every_error_has_a_line_of_its_own_with_count_age_and_trend(admin: FlaskClient) -> None:
    for number in range(3):
        failed(f"ConnectionError: server 10.0.0.{number} closed the connection")
    failed("FinalError: booking 7 does not exist", hours_ago=5)
    page = admin.get("/admin/").text
    assert "ConnectionError: server … closed the connection" in page and "rising: 3 in the last hour, 0 before" in page
    assert "Permanent error: booking 7 does not exist" in page and "none in the last hour" in page
    assert "FinalError" not in page
    assert page.index("closed the connection") < page.index("booking 7 does not exist")


def test_a_queue_without_workers_stands_above_failures(app: Flask) -> None:
    failed("ValueError: old", hours_ago=30)
    failed("ValueError: new one", hours_ago=0.1)
    engine().queue("scheduled").enqueue("clean-up")
    ranks = [alert.rank for alert in alerts.find(engine().stats())]
    assert ranks[0] == "no_workers"
    assert ranks.index("failures") < ranks.index("idle_no_workers") < ranks.index("old_failures")


def test_an_acknowledged_alert_is_hidden_until_it_grows_and_its_entry_is_in_the_audit(admin: FlaskClient) -> None:
    failed("ValueError: broken")
    key = next(alert.key for alert in alerts.find(engine().stats()) if alert.kind == "failures")
    asked = admin.get(f"/admin/alerts/acknowledge?key={key}").text
    assert "Acknowledge this alert?" in asked and "ValueError: broken" in asked
    answer = admin.post("/admin/alerts/acknowledge", data={"key": key, "length": "4h"}, follow_redirects=True).text
    assert "Acknowledged until" in answer
    assert key not in [alert.key for alert in alerts.current(engine().stats()).open]
    assert "acknowledged by" in admin.get("/admin/").text
    failed("ValueError: broken")
    assert key in [alert.key for alert in alerts.current(engine().stats()).open]
    entry = db.session.scalars(db.select(AuditEntry).filter_by(action="alert.acknowledge")).one()
    assert (entry.target, entry.details["count"]) == (f"alert/{key}", 1)


def test_an_acknowledged_alert_can_be_shown_again(admin: FlaskClient) -> None:
    engine().queue("scheduled").enqueue("clean-up")
    admin.post("/admin/alerts/acknowledge", data={"key": "no_workers:scheduled", "length": "7d"})
    assert [alert.key for alert in alerts.current(engine().stats()).acknowledged] == ["no_workers:scheduled"]
    admin.post("/admin/alerts/reopen", data={"key": "no_workers:scheduled"})
    assert alerts.current(engine().stats()).acknowledged == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FinalError("booking 7 does not exist"), "Permanent error: booking 7 does not exist"),
        (JobTimedOut(limit="60"), "Timeout: the job ran longer than its timeout of 60 seconds"),
        (JobStopped(), "Stopped: the job was stopped"),
        (FinalError(str({"booking": ["Not a valid integer."]})), "Permanent error: booking: Not a valid integer."),
        (InvalidJobData({"to": ["Missing data."]}), "Permanent error: to: Missing data."),
        (ConnectionError("no route"), "ConnectionError: no route"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_named_for_what_it_is(app: Flask, error: BaseException, sentence: str) -> None:
    with app.test_request_context():
        assert localize_error(Message.unpack(_error_field(error))) == sentence
        last_line = TracebackException.from_exception(error).format_exception_only()
        assert localize_error("".join(last_line).strip()).startswith(sentence.split(":")[0])


def test_the_page_of_the_broker_shows_its_memory_its_policy_and_its_keys(admin: FlaskClient) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": 1}, {})] * 3)
    engine().broker.client.mset({f"LIMITS:LIMITER/gnb/{number}/30": 1 for number in range(2)})
    page = admin.get("/admin/broker").text
    assert "Fragmentation" in page
    assert "noeviction" in page
    assert "append-only file" in page or "snapshots" in page
    for kind, count in (("rq:job", 3), ("LIMITS:LIMITER", 2)):
        assert re.search(rf'<th scope="row" class="mono small">{kind}</th><td class="num">{count}</td>', page)


def test_a_broker_that_is_nearly_full_needs_attention(admin: FlaskClient, broker: Broker) -> None:
    client = engine().broker.client
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", round(used * 1.1))
    try:
        assert [alert.path for alert in alerts.find(engine().stats()) if alert.kind == "memory"] == ["/admin/broker"]
    finally:
        client.config_set("maxmemory", 0)


def test_the_lines_of_errors_are_in_the_readers_language(app: Flask) -> None:
    for number in range(2):
        failed(f"FinalError: booking {number} does not exist")
    alert = next(alert for alert in alerts.find(engine().stats()) if alert.kind == "failures")
    with app.test_request_context(), force_locale("tr"):
        assert localize(alert.what) == "email: 2 iş başarısız oldu"
        assert localize_error(alert.detail).startswith("Kalıcı hata: booking")
