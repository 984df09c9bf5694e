"""What the page of a job says about it first, its timeline, its links, and why a job is gone."""

import html
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.blueprints.admin.timelines import timeline
from gnb.extensions import db, engine
from gnb.models import AuditEntry, Delivery
from gnb.queueing.job import Attempt, Job
from gnb.services.queues import actions
from tests.business import make_booking, make_user
from tests.integration.api import probe
from tests.integration.engine.conftest import Workers
from tests.integration.test_alerts import failed, starts
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite
assert probe


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin", email="admin@gnb.example"))
    return client


def first_sentence(admin: FlaskClient, job_id: str, queue: str = "email") -> str:
    page = admin.get(f"/admin/jobs/{queue}/{job_id}").text
    found = re.search(r'first-sentence"><span class="strong">(.*?)</span>(.*?)</p>', page, re.DOTALL)
    assert found
    return re.sub(r"\d\d:\d\d", "hh:mm", found[1]) + re.sub(r"<span.*", "", found[2], flags=re.DOTALL)


def idle_worker(queue: str = "email") -> None:
    client = engine().broker.client
    client.sadd(f"rq:workers:{queue}", "rq:worker:one")
    client.hset("rq:worker:one", mapping={"state": "idle", "queues": queue})


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            "FinalError: booking 900008 does not exist.",
            "Failed permanently at hh:mm: booking 900008 does not exist. A retry will not help.",
        ),
        (
            "JobTimedOut: the job ran longer than its timeout of 60 seconds",
            "Timed out at hh:mm: an attempt may take 1 min. A retry starts it again.",
        ),
        ("JobStopped: the job was stopped", "Stopped at hh:mm. A retry starts it again."),
        ("ConnectionError: no route", "Failed at hh:mm after 1 attempt: ConnectionError: no route."),
    ],
)
def test_a_failed_job_says_how_it_failed_and_whether_a_retry_helps(
    admin: FlaskClient, error: str, sentence: str
) -> None:
    job_id = failed(error, hours_ago=0)
    engine().broker.client.hset(f"rq:job:{job_id}", mapping={"retries_left": 4, "attempts": 5})
    assert first_sentence(admin, job_id) == sentence


def test_a_waiting_job_says_who_paused_its_queue(admin: FlaskClient) -> None:
    job = engine().queue("email").enqueue("probe")
    admin.post("/admin/jobs/email/pause")
    assert first_sentence(admin, job.id) == "Waiting: queue email was paused at hh:mm by admin@gnb.example."


def test_a_waiting_job_says_that_nobody_serves_its_queue_or_how_many_are_ahead(admin: FlaskClient) -> None:
    first, second = (engine().queue("email").enqueue("probe") for _ in range(2))
    assert first_sentence(admin, first.id) == "Waiting for a worker: none serves email."
    idle_worker()
    assert first_sentence(admin, first.id) == "Waiting for a free worker: it is the next to start."
    assert first_sentence(admin, second.id) == "Waiting for a free worker: 1 job is ahead of it."
    urgent = engine().queue("email").enqueue("probe", priority=1)
    assert first_sentence(admin, second.id) == "Waiting for a free worker: 2 jobs are ahead of it."
    assert engine().queue("email").jobs_ahead(urgent.id) == 0


def test_a_waiting_job_says_that_rq_is_suspended_or_that_its_queue_runs_as_many_as_it_may(admin: FlaskClient) -> None:
    idle_worker()
    engine().queue("email").set_limits({"concurrency_limit": 1})
    running, waiting = (engine().queue("email").enqueue("probe") for _ in range(2))
    client = engine().broker.client
    client.lrem("rq:queue:email", 1, running.id)
    client.zadd("rq:wip:email", {running.id: time.time() + 60})
    assert first_sentence(admin, waiting.id) == (
        "Waiting: email has reached its concurrency limit of 1; jobs ahead: 0."
    )
    client.set("rq:suspended", 1)
    assert first_sentence(admin, waiting.id) == (
        "Waiting: rq suspend has stopped all queues. To resume them: rq resume."
    )


def test_a_rate_limited_job_says_when_it_starts(admin: FlaskClient) -> None:
    idle_worker()
    engine().queue("email").set_limits({"rate_limit": "2/600s"})
    starts("email", 10, 10)
    jobs = [engine().queue("email").enqueue("probe") for _ in range(5)]
    page = admin.get(f"/admin/jobs/email/{jobs[4].id}").text
    found = re.search(
        r"Rate limited to 2 in 600s, starts at about (?:[^.,]*, )?([\d:]+)\.", page
    )  # another day has its date
    assert found
    expected = datetime.now(UTC) + timedelta(seconds=590 + 1200, hours=3)
    assert found[1] in (f"{expected:%H:%M}", f"{expected - timedelta(seconds=30):%H:%M}")


def test_delayed_and_deferred_jobs_say_what_they_wait_for(admin: FlaskClient) -> None:
    queue = engine().queue("email")
    parents = [queue.enqueue("probe") for _ in range(2)]
    child = queue.enqueue("probe", depends_on=parents)
    assert first_sentence(admin, child.id) == "Deferred until 2 jobs have completed."
    later = queue.enqueue("probe", delay=60)
    assert first_sentence(admin, later.id) == "Delayed until hh:mm."


def test_a_jobs_page_leads_to_what_it_is_about(admin: FlaskClient) -> None:
    job = engine().queue("email").enqueue("booking-confirmation", {"bookingId": 7})
    page = admin.get(f"/admin/jobs/email/{job.id}").text
    assert '<a href="/admin/bookings/7">Booking 7</a>' in page
    mailing = engine().queue("scheduled").enqueue("campaign-mailing", {"campaignId": 3})
    assert '<a href="/admin/campaigns/3">Campaign 3</a>' in admin.get(f"/admin/jobs/scheduled/{mailing.id}").text


def test_running_a_sent_mail_again_says_that_it_is_sent_a_second_time_and_a_retry_that_nothing_is(
    admin: FlaskClient,
) -> None:
    delivery = Delivery(kind="email", recipient="a@gnb.example", state="sent", content={"text": "x"}, subject="x")
    db.session.add(delivery)
    db.session.commit()
    job_id = failed("ConnectionError: no route")
    call = f'["tests.probe", null, [], {{"deliveryId": {delivery.id}}}]'
    engine().broker.client.hset(f"rq:job:{job_id}", "data", call)
    assert "Its message was sent meanwhile. A retry sends nothing." in first_sentence(admin, job_id)
    assert "sent a second time, as a new delivery" in admin.get(f"/admin/jobs/email/{job_id}/run-again").text
    delivery.booking = make_booking(status="cancelled")
    db.session.commit()
    again = admin.get(f"/admin/jobs/email/{job_id}/run-again").text
    assert "Run again, it sends nothing: the booking was cancelled." in again


def test_attempts_are_numbered_through_with_who_retried_and_waits_that_are_waits(app: Flask) -> None:
    start = datetime(2026, 11, 27, 9, tzinfo=UTC)

    def at(minutes: float) -> datetime:
        return start + timedelta(minutes=minutes)

    job = Job("7", "email", "probe", {}, "failed", 3, 1, 1, created_at=at(0), started_at=at(61), enqueued_at=at(60))
    attempts = [
        Attempt(1, at(61), at(62), "email.1@host", "failed", "ValueError: b"),
        Attempt(1, at(1), at(2), "email.1@host", "failed", "ValueError: a"),
    ]
    entry = AuditEntry(action="job.retry", target="email/7", actor_label="Ayşe (admin)", created_at=at(60), details={})
    with app.test_request_context():
        moments = timeline(job, attempts, [entry])
    assert [(moment.what, moment.note) for moment in moments] == [
        ("Created", ""),
        ("Attempt 1: failed", "waited 1 min, ran 1 min"),
        ("Retried", "Ayşe (admin)"),
        ("Attempt 2: failed", "waited 1 min, ran 1 min"),
    ]


def test_a_retry_of_all_failed_jobs_is_in_the_timeline_and_log_lines_have_times(app: Flask, admin: FlaskClient) -> None:
    queue = engine().queue("email")
    job = queue.enqueue("probe", {"ending": "bad"})
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0
    actions.retry_all_failed("email", make_user(name="Deniz", role="admin"))
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0
    page = admin.get(f"/admin/jobs/email/{job.id}").text
    assert "Attempt 2: failed" in page and "Deniz (admin)" in page
    assert re.search(r'<time class="muted" [^>]*>\d\d:\d\d:\d\d</time> attempt 1', page)
    assert queue.logs(job.id) == ["attempt 1", "attempt 1"]


def test_a_job_that_is_gone_says_who_removed_it_or_by_which_rule(admin: FlaskClient) -> None:
    job = engine().queue("email").enqueue("probe")
    admin.post(f"/admin/jobs/email/{job.id}/remove")
    answer = admin.get(f"/admin/jobs/email/{job.id}")
    assert answer.status_code == 404 and re.search(r"It was removed at \d\d:\d\d by ", answer.text)
    assert "Completed jobs are kept for 24 h" in admin.get("/admin/jobs/email/other").text.replace("1 d", "24 h")
    client = engine().broker.client
    client.zadd("rq:finished:email", {f"x{number}": time.time() + 9999 for number in range(1000)})
    assert "Completed jobs are removed by the limit of 1,000" in admin.get("/admin/jobs/email/other").text


def test_the_page_of_a_job_type_has_its_latest_errors_and_lists_all_of_them_by_its_type(admin: FlaskClient) -> None:
    failed("ConnectionError: no route")
    page = admin.get("/admin/jobs/email/types/probe").text
    assert "ConnectionError: no route" in page
    assert "The queue's latest 1,000 completed jobs have none of this type." in page
    address = re.search(r'href="([^"]*)">All failed', page)
    assert address and "no route" in admin.get(html.unescape(address[1])).text
    assert "The queue's latest 1,000 failed jobs have none" in admin.get("/admin/jobs/email/types/send-email").text
    assert admin.get("/admin/jobs/email/types/none-such").status_code == 404
