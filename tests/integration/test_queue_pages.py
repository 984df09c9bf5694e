"""What admins do to queues on their pages."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.blueprints.admin import failures
from gnb.extensions import db, engine
from gnb.models import AuditEntry
from gnb.queueing.search import failure_key
from gnb.services.accounts import passwords
from tests.business import make_user
from tests.integration.api import probe
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import on_sqlite

pytestmark = on_sqlite
assert probe

PASSWORD = "correct horse 42"
ALIKE = failure_key("FinalError: probe … went wrong")


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    user = make_user(role="admin", password_hash=passwords.hash_password(PASSWORD))
    assert client.post("/login", data={"email": user.email, "password": PASSWORD}).status_code in (302, 303)
    return client


@pytest.fixture
def failed(app: Flask) -> None:
    """Three jobs that failed alike."""
    engine().queue("email").enqueue_many([("probe", {"ending": "bad", "number": number}, {}) for number in range(3)])
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0


def test_a_delayed_job_is_rescheduled_on_its_page_and_back(admin: FlaskClient) -> None:
    queue = engine().queue("email")
    job = queue.job(queue.enqueue("probe", delay=3600).id)  # as stored, by the broker's clock
    page = f"/admin/jobs/email/{job.id}"
    assert "Reschedule" in admin.get(page).text
    answer = admin.post(f"{page}/reschedule", data={"delay": "2h", "back": page}, follow_redirects=True).text
    assert "Job rescheduled." in answer
    undo = re.search(r'name="at" value="(\d+)"', answer)
    assert undo is not None and job.run_at is not None
    moved = queue.job(job.id).run_at
    assert moved is not None and 3590 < (moved - job.run_at).total_seconds() < 3610
    admin.post(f"{page}/reschedule", data={"at": undo[1]})
    assert abs((queue.job(job.id).run_at - job.run_at).total_seconds()) < 0.01
    entries = db.session.execute(db.select(AuditEntry.details).filter_by(action="job.reschedule")).scalars().all()
    assert [entry["after"] for entry in entries][:1] == ["+2h"]
    rejected = admin.post(f"{page}/reschedule", data={"delay": "soon", "back": page}, follow_redirects=True).text
    assert "give seconds, like 90" in rejected


def test_a_worker_is_quieted_resumed_and_shut_down_on_its_page(admin: FlaskClient) -> None:
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine(), concurrency=2)
    wait_for(lambda: len(engine().workers()) == 2)
    name = engine().workers()[0].name
    quieted = admin.post(f"/admin/workers/{name}/quiet", data={"back": "/admin/workers"}, follow_redirects=True).text
    assert "The worker starts no further job." in quieted and "Undo" in quieted and "Resume" in quieted
    assert engine().workers()[0].quiet
    admin.post(f"/admin/workers/{name}/resume")
    assert not engine().workers()[0].quiet
    assert "Shut down 2 processes" in admin.get(f"/admin/workers/{name}/shut-down").text
    wait_for(lambda: engine().broker.client.pubsub_numsub(f"rq:pubsub:{name}")[0][1])
    admin.post(f"/admin/workers/{name}/shut-down")
    assert workers.wait() == 0
    gone = admin.get(f"/admin/workers/{name}/shut-down", follow_redirects=True).text
    assert "The worker no longer exists." in gone
    actions = db.session.execute(db.select(AuditEntry.action).filter_by(target=name)).scalars().all()
    assert sorted(actions) == ["worker.quiet", "worker.resume", "worker.shut-down"]


def test_limits_and_retention_are_changed_on_the_queues_page_and_back(admin: FlaskClient) -> None:
    def set_to(name: str, value: str, **more: str) -> str:
        answer = admin.post("/admin/jobs/email/limits", data={name: value, **more}, follow_redirects=True)
        return answer.text

    def current() -> tuple[str, str, str, str]:
        found = engine().stats()[1]
        return found.rate_limit, found.concurrency_limit, str(found.remove_on_complete), str(found.remove_on_fail)

    configured = ("50/60s", "none", "1d/1000", "7d/5000")
    assert current() == configured
    assert 'value="50/60s"' in admin.get("/admin/jobs/email").text
    changed = set_to("rate_limit", "5/60s")
    assert "settings changed" in changed and "set here; configured: 50/60s" in changed
    undo = re.search(r'name="rate_limit" value="([^"]*)">\s*<button class="button small">Undo', changed)
    assert undo is not None and undo[1] == ""  # the configured one, not its value of today
    assert "At most 2 jobs run at once" in set_to("concurrency_limit", "2")
    assert "Kept for 1 h, 10 at most; 0 now." in set_to("remove_on_complete", "60m/10")
    assert "Kept for ever; 0 now." in set_to("remove_on_fail", "none/none")
    assert current() == ("5/60s", "2", "1h/10", "none/none")
    assert re.search(r'name="remove_on_fail" value="none/none"', set_to("remove_on_fail", "7d/5")) is not None
    for name in ("rate_limit", "concurrency_limit", "remove_on_complete", "remove_on_fail"):
        set_to(name, "1/1", reset="1")
    assert current() == configured
    entries = db.session.scalars(db.select(AuditEntry.details).filter_by(action="queue.limit")).all()
    assert entries[0] == {"rate_limit": "5/60s"} and entries[-1] == {"remove_on_fail": "default"}


def test_a_setting_that_is_wrong_is_named_in_its_form_with_what_was_typed(admin: FlaskClient) -> None:
    for name, value, why in [
        ("rate_limit", "fast", "give starts/window"),
        ("concurrency_limit", "many", "give 1 to 10000 jobs"),
        ("remove_on_complete", "soon", "the longest time and the most jobs"),
        ("remove_on_fail", "1x/5", "give seconds, like 90"),
    ]:
        wrong = admin.post("/admin/jobs/email/limits", data={name: value})
        assert wrong.status_code == 422 and why in wrong.text
        assert re.search(rf'name="{name}" value="{value}"[^>]*aria-invalid="true"', wrong.text)
    assert engine().stats()[1].set_at_run_time == set()


def test_a_rate_limit_says_how_long_those_that_wait_take(admin: FlaskClient) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": number}, {}) for number in range(1240)])
    admin.post("/admin/jobs/email/limits", data={"rate_limit": "5/60s"})
    assert "5 a minute; 1,240 waiting jobs take about 4 h 8 min." in admin.get("/admin/jobs/email").text


def test_a_job_that_was_deduplicated_is_named_with_the_job_that_holds_the_id(admin: FlaskClient) -> None:
    form = {
        "type": "probe",
        "option.delay": "1h",
        "option.deduplication.id": "x",
        "option.deduplication.ttl": "60s",
        "option.deduplication.extend": "true",
        "option.deduplication.replace": "true",
    }
    assert "probe enqueued." in admin.post("/admin/jobs/email/new", data=form, follow_redirects=True).text
    again = admin.post("/admin/jobs/email/new", data=form, follow_redirects=True).text
    assert "this job has its ID or deduplication ID" in again
    page = engine().queue("email").jobs("delayed")
    assert page.total == 1
    assert page.jobs[0].options["deduplication"] == {"id": "x", "ttl": "60s", "extend": True, "replace": True}


def test_a_deduplication_that_cannot_be_is_named_in_the_form(admin: FlaskClient) -> None:
    form = {"type": "probe", "option.deduplication.id": "x", "option.deduplication.extend": "true"}
    answer = admin.post("/admin/jobs/email/new", data=form)
    assert answer.status_code == 422
    assert "deduplication.extend needs deduplication.ttl" in answer.text


@pytest.mark.parametrize(("action", "waiting"), [("retry", 3), ("remove", 0)])
def test_a_group_of_failures_is_moved_whole_though_the_page_counts_the_newest(
    admin: FlaskClient, failed: None, monkeypatch: pytest.MonkeyPatch, action: str, waiting: int
) -> None:
    monkeypatch.setattr(failures, "GROUPED", 2)
    assert "Counted among the latest 2 failed jobs" in admin.get("/admin/jobs/email/failures").text
    assert admin.post(f"/admin/jobs/email/failures/{ALIKE}/{action}").status_code == 303
    email = engine().stats()[1]
    assert (email.failed, email.waiting) == (0, waiting)


def test_pausing_all_that_are_paused_already_offers_nothing_to_undo(admin: FlaskClient) -> None:
    assert "Undo" in admin.post("/admin/jobs/pause", follow_redirects=True).text
    assert "Undo" not in admin.post("/admin/jobs/pause", follow_redirects=True).text
    assert all(stats.paused for stats in engine().stats())


def test_each_point_of_the_plots_is_a_link_to_the_jobs_of_its_time_and_state(admin: FlaskClient, failed: None) -> None:
    ids = {job.id for job in engine().queue("email").jobs("failed").jobs}
    for span in ("hour", "day", "week", "quarter"):
        page = admin.get(f"/admin/jobs/email?range={span}").text
        links = re.findall(r'<a href="(/admin/jobs/email\?state=failed&amp;from=[^"]+)" tabindex="-1">', page)
        assert links, span
        behind = admin.get(links[-1].replace("&amp;", "&")).text
        assert set(re.findall(r'<tr id="row-([^"]+)"', behind)) == ids, span
        assert "p50" in page and "p95" in page
    table = admin.get("/admin/jobs/email?range=week&figures=1").text
    assert re.search(r'<td class="num"><a href="/admin/jobs/email\?state=failed&amp;from=[^"]+">3</a>', table)


def test_a_worker_of_other_code_than_the_page_is_marked(admin: FlaskClient) -> None:
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine())
    name = wait_for(lambda: next((worker.name for worker in engine().workers()), None))
    page = admin.get("/admin/workers").text
    assert engine().version in page and "other version" not in page
    engine().broker.client.hset(f"rq:worker:{name}", "code_version", "0ld0ld0ld0")
    page = admin.get("/admin/workers").text
    assert "0ld0ld0ld0" in page and "other version" in page and "1 worker runs other code than this page" in page
    assert workers.stop() == 0
