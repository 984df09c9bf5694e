"""The job API: every endpoint, its fields, and what it does to the jobs."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from rq.suspension import resume, suspend

from gnb.extensions import db, engine
from gnb.models import AuditEntry
from tests.integration.api.conftest import JOBS, Caller
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import on_sqlite

pytestmark = on_sqlite

COUNTS = {"waiting", "active", "completed", "failed", "delayed", "total"}
LISTED = {
    "id", "name", "data", "progress", "attemptsMade", "timestamp", "processedOn", "finishedOn", "failedReason",
    "returnvalue", "state", "priority",
}  # fmt: skip


def enqueue(admin: Caller, number: int = 0, **options: Any) -> str:
    body = {"type": "probe", "data": {"number": number}, "options": options}
    return str(admin.post("/email", body)["id"])


def last_entry() -> AuditEntry:
    db.session.rollback()
    return db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()


# Reading


def test_the_stats_name_every_queue_and_count_its_jobs(admin: Caller) -> None:
    enqueue(admin)
    enqueue(admin, delay=60)

    stats = {queue["name"]: queue for queue in admin.get("/stats")}

    assert list(stats) == ["export", "email", "ai", "scheduled"]
    assert stats["email"].keys() >= COUNTS | {"paused", "oldestWaitingSeconds", "rateLimit", "busy", "workers"}
    assert {name: stats["email"][name] for name in COUNTS} == {
        "waiting": 1, "active": 0, "completed": 0, "failed": 0, "delayed": 1, "total": 2,
    }  # fmt: skip
    assert stats["email"]["paused"] is False
    assert stats["email"]["rateLimit"] == "50/60s"
    assert admin.get("/email/stats")["waiting"] == 1


def test_a_repeated_job_is_read_at_its_id_and_listed_with_its_next_time_in_the_api_and_on_the_pages(
    admin: Caller,
) -> None:
    job = admin.post("/email", {"type": "probe", "data": {}, "options": {"repeat": {"pattern": "0 0 * * *"}}})
    assert (job["state"], job["runAt"] % 86_400_000) == ("delayed", 0)
    listed = admin.get("/email/jobs?state=delayed")
    assert [(each["id"], each["state"], each["runAt"]) for each in listed["jobs"]] == [
        (job["id"], "delayed", job["runAt"])
    ]
    assert listed["total"] == admin.get("/email/stats")["delayed"] == 1
    read = admin.get(f"/email/{job['id']}")
    assert {name: read[name] for name in listed["jobs"][0]} == listed["jobs"][0]
    assert admin("DELETE", f"{JOBS}/email/{job['id']}").status_code == 409
    assert f"/admin/jobs/email/{job['id']}" in admin("GET", "/admin/jobs/email?state=delayed").text
    page = admin("GET", f"/admin/jobs/email/{job['id']}").text
    assert f"/admin/schedules/{job['id'].removeprefix('schedule-')}" in page
    assert "Run now" not in page


def test_every_answer_has_the_envelope(admin: Caller) -> None:
    good = admin("GET", f"{JOBS}/stats").json
    bad = admin("GET", f"{JOBS}/nowhere/stats").json

    assert good.keys() == {"success", "data", "message"}
    assert good["success"] is True
    assert bad == {
        "success": False,
        "error": {"code": "unknown_queue", "message": bad["error"]["message"], "details": None},
    }


def test_a_page_of_jobs_is_half_open_and_tells_the_total(admin: Caller) -> None:
    ids = [enqueue(admin, number) for number in range(5)]

    page = admin.get("/email/jobs?state=waiting&start=1&end=3")

    assert [job["id"] for job in page["jobs"]] == ids[1:3]
    assert (page["queue"], page["state"], page["count"], page["total"]) == ("email", "waiting", 2, 5)
    assert page["jobs"][0].keys() >= LISTED
    assert page["jobs"][0]["data"] == {"type": "probe", "number": 1}
    assert abs(page["jobs"][0]["timestamp"] - time.time() * 1000) < 60_000
    assert page["jobs"][0]["finishedOn"] is None
    assert admin.get("/email/jobs?start=2&end=2")["jobs"] == []
    assert admin.get("/email/jobs?start=100&end=200")["jobs"] == []


def test_the_page_starts_with_ten_waiting_jobs(admin: Caller) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": n}, {}) for n in range(12)])

    page = admin.get("/email/jobs")

    assert (page["state"], page["count"], page["total"]) == ("waiting", 10, 12)


def test_a_completed_job_tells_its_result_and_times(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    job_id = enqueue(admin, 7)
    run_jobs()

    listed = admin.get("/email/jobs?state=completed")["jobs"][0]
    job = admin.get(f"/email/{job_id}")

    assert listed["returnvalue"] == {"number": 7}
    assert (listed["progress"], listed["attemptsMade"]) == (100.0, 1)
    assert listed["timestamp"] <= listed["processedOn"] <= listed["finishedOn"]
    assert job["returnvalue"] == {"number": 7}
    assert job["logs"] == ["attempt 1"]
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["completed"]
    assert job["attempts"][0].keys() == {"number", "start", "end", "worker", "outcome", "error"}
    assert job["opts"]["attempts"] == 5


def test_a_failed_job_tells_the_newest_error_first(
    admin: Caller, failed: list[str], run_jobs: Callable[..., Workers]
) -> None:
    admin.post(f"/email/{failed[0]}/retry")
    run_jobs()

    job = admin.get(f"/email/{failed[0]}")

    assert job["failedReason"].endswith("probe 2 went wrong")
    assert len(job["stacktrace"]) == 2
    assert "Traceback" in job["stacktrace"][0]
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["failed", "failed"]
    assert job["attempts"][0]["start"] >= job["attempts"][1]["end"]


def test_a_search_finds_jobs_by_id_type_and_data(admin: Caller) -> None:
    ids = [enqueue(admin, number, job_id=f"job-{number}") for number in (41, 42, 43)]

    by_id = admin.get("/email/jobs?q=JOB-42")
    by_data = admin.get("/email/jobs?q=41")

    assert [job["id"] for job in by_id["jobs"]] == [ids[1]]
    assert [job["id"] for job in by_data["jobs"]] == [ids[0]]
    assert admin.get("/email/jobs?q=probe")["count"] == 3
    assert admin.get("/email/jobs?q=nothing")["jobs"] == []
    assert by_id["cursor"] is None


def test_a_search_goes_on_at_its_cursor(admin: Caller) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": n}, {}) for n in range(2100)])
    seen, cursor = [], 0

    while cursor is not None:
        page = admin.get(f"/email/jobs?q=probe&start=0&end=900&cursor={cursor}")
        seen += [job["data"]["number"] for job in page["jobs"]]
        cursor = page["cursor"]

    assert seen == list(range(2100))


def test_the_workers_are_listed(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    body = {"type": "probe", "data": {"ending": "slow"}}
    job_id = admin.post("/email", body)["id"]
    run_jobs(burst=False)
    wait_for(lambda: admin.get("/email/stats")["active"])

    workers = admin("GET", "/api/v1/admin/workers").json["data"]

    assert [(worker["state"], worker["jobId"], worker["queues"]) for worker in workers] == [("busy", job_id, ["email"])]


def test_a_worker_is_quieted_resumed_and_shut_down(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    workers = run_jobs(burst=False)
    path = f"/api/v1/admin/workers/{wait_for(lambda: admin('GET', '/api/v1/admin/workers').json['data'])[0]['name']}"
    assert admin("POST", f"{path}/quiet").status_code == 200
    wait_for(lambda: admin("GET", "/api/v1/admin/workers").json["data"][0]["state"] == "quiet")
    assert admin.get("/email/stats")["quiet"] == 1
    assert admin("POST", f"{path}/resume").status_code == 200
    assert admin("GET", "/api/v1/admin/workers").json["data"][0]["quiet"] is False
    assert wait_for(lambda: admin("POST", f"{path}/shut-down").status_code == 200)
    assert workers.wait() == 0
    for action in ("quiet", "resume", "shut-down"):
        assert admin("POST", f"{path}/{action}").json["error"]["code"] == "worker_not_found"


# Changing one job


def test_a_job_is_enqueued_with_its_options(admin: Caller) -> None:
    body = {"type": "probe", "data": {"number": 5}, "options": {"priority": 1, "attempts": 2, "delay": 90.5}}

    answer = admin("POST", f"{JOBS}/email", json=body)

    assert answer.status_code == 201
    job = answer.json["data"]
    assert (job["state"], job["priority"], job["attemptsLimit"]) == ("delayed", 1, 2)
    assert job["runAt"] - job["timestamp"] == 90_500
    assert admin.get(f"/email/{job['id']}")["opts"]["delay"] == 90.5


def test_the_same_id_twice_is_one_job(admin: Caller) -> None:
    assert enqueue(admin, 1, job_id="once") == enqueue(admin, 2, job_id="once") == "once"
    assert admin.get("/email/stats")["waiting"] == 1


def test_a_failed_job_waits_again_after_a_retry(admin: Caller, failed: list[str]) -> None:
    assert admin.post(f"/email/{failed[0]}/retry")["state"] == "waiting"
    assert admin.get("/email/stats")["failed"] == 2


def test_a_delayed_job_waits_after_its_promotion(admin: Caller) -> None:
    job_id = enqueue(admin, delay=3600)
    assert admin.post(f"/email/{job_id}/promote")["state"] == "waiting"


def test_a_removed_job_is_gone(admin: Caller) -> None:
    job_id = enqueue(admin)
    assert admin("DELETE", f"{JOBS}/email/{job_id}").json["success"] is True
    assert admin("GET", f"{JOBS}/email/{job_id}").status_code == 404


def test_removing_a_running_job_stops_it(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    job_id = admin.post("/email", {"type": "probe", "data": {"ending": "slow"}})["id"]
    run_jobs(burst=False)
    wait_for(lambda: admin.get("/email/stats")["active"])

    assert admin("DELETE", f"{JOBS}/email/{job_id}").status_code == 200

    assert admin("GET", f"{JOBS}/email/{job_id}").status_code == 404
    assert wait_for(lambda: admin.get("/email/stats")["active"] == 0)


def test_a_stopped_job_is_kept_as_failed(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    job_id = admin.post("/email", {"type": "probe", "data": {"ending": "slow"}})["id"]
    run_jobs(burst=False)
    wait_for(lambda: admin.get("/email/stats")["active"])

    admin.post(f"/email/{job_id}/stop")

    assert wait_for(lambda: admin.get(f"/email/{job_id}")["state"] == "failed")


def test_a_completed_job_can_be_run_again(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    job_id = enqueue(admin)
    run_jobs()
    assert admin.post(f"/email/{job_id}/run-again")["state"] == "waiting"


def test_a_waiting_job_gets_another_priority(admin: Caller) -> None:
    first, second = enqueue(admin), enqueue(admin)
    assert admin.post(f"/email/{second}/priority", {"priority": 1})["priority"] == 1
    assert [job["id"] for job in admin.get("/email/jobs")["jobs"]] == [second, first]


# Changing many


def test_a_queue_pauses_and_resumes(admin: Caller) -> None:
    admin.post("/email/pause")
    assert admin.get("/email/stats")["paused"] is True
    admin.post("/email/resume")
    assert admin.get("/email/stats")["paused"] is False


def test_rqs_suspension_is_no_pause_and_has_its_own_way_out(admin: Caller, app: Flask) -> None:
    suspend(engine().broker.client)
    try:
        assert admin.post("/email/resume") == {"queue": "email", "paused": False, "suspended": True}
        assert {stats["suspended"] for stats in admin.get("/stats")} == {True}
        alerts = admin("GET", "/admin/").text
        assert ("email is suspended by RQ" in alerts, "rq resume" in alerts) == (True, True)
        run = app.test_cli_runner()
        assert "rq resume -c gnb.rq_settings" in run.invoke(args=["jobs", "resume", "email"]).stdout
        assert "suspended" in run.invoke(args=["jobs", "stats"]).stdout
    finally:
        resume(engine().broker.client)
    assert admin.get("/email/stats")["suspended"] is False


def test_all_queues_pause_and_resume_at_once(admin: Caller) -> None:
    assert set(admin.post("/pause")) == {"export", "email", "ai", "scheduled"}
    assert all(queue["paused"] for queue in admin.get("/stats"))
    assert admin.post("/resume")["email"] == {"queue": "email", "paused": False, "suspended": False}
    assert not any(queue["paused"] for queue in admin.get("/stats"))


def test_a_drain_removes_waiting_and_delayed_jobs_only(admin: Caller, failed: list[str]) -> None:
    enqueue(admin)
    enqueue(admin, delay=60)

    assert admin.post("/email/drain") == {"count": 2}

    stats = admin.get("/email/stats")
    assert (stats["waiting"], stats["delayed"], stats["failed"]) == (0, 0, 3)


def test_a_clean_removes_ended_jobs_older_than_its_grace(admin: Caller, failed: list[str]) -> None:
    assert admin.post("/email/clean", {"grace": 60_000, "state": "failed"}) == {"count": 0}
    assert admin.post("/email/clean", {"grace": 0, "state": "completed"}) == {"count": 0}
    assert admin.post("/email/clean", {"grace": 0, "state": "failed"}) == {"count": 3}


def test_a_clean_without_a_body_keeps_a_day_of_completed_jobs(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    enqueue(admin)
    run_jobs()
    assert admin.post("/email/clean") == {"count": 0}


def test_all_failed_jobs_of_a_queue_wait_again(admin: Caller, failed: list[str]) -> None:
    assert admin.post("/email/retry")["count"] == 3
    assert admin.get("/email/stats")["waiting"] == 3


def test_chosen_failed_jobs_wait_again(admin: Caller, failed: list[str]) -> None:
    assert admin.post("/email/retry", {"ids": [failed[0], "no-such-job"]})["count"] == 1
    assert admin.get(f"/email/{failed[0]}")["state"] == "waiting"
    assert admin.get(f"/email/{failed[1]}")["state"] == "failed"


def test_failed_jobs_that_match_a_text_wait_again(admin: Caller, failed: list[str]) -> None:
    assert admin.post("/email/retry", {"q": failed[1]}) == {"count": 1, "cursor": None}
    assert admin.get(f"/email/{failed[1]}")["state"] == "waiting"


def test_failed_jobs_of_every_queue_wait_again(admin: Caller, failed: list[str]) -> None:
    counts = admin.post("/retry")
    assert counts == {"export": {"count": 0}, "email": {"count": 3}, "ai": {"count": 0}, "scheduled": {"count": 0}}


def test_jobs_are_removed_by_ids_and_by_search(admin: Caller) -> None:
    ids = [enqueue(admin, number, job_id=f"job-{number}") for number in range(4)]

    assert admin.post("/email/remove", {"ids": ids[:1]})["count"] == 1
    assert admin.post("/email/remove", {"state": "waiting", "q": "job-2"})["count"] == 1

    assert [job["id"] for job in admin.get("/email/jobs")["jobs"]] == [ids[1], ids[3]]


def test_a_removal_by_search_misses_none_of_many(admin: Caller) -> None:
    engine().queue("email").enqueue_many(
        [("probe", {}, {"job_id": f"{('even', 'odd')[n % 2]}-{n}"}) for n in range(3000)]
    )
    assert admin.post("/email/remove", {"state": "waiting", "q": "odd"})["count"] == 1500
    assert admin.get("/email/stats")["waiting"] == 1500


# Traces of changes


def test_every_change_is_written_down_with_who_what_and_how_many(admin: Caller, failed: list[str]) -> None:
    admin.post("/email/retry")

    entry = last_entry()

    assert (entry.action, entry.target, entry.count) == ("job.retry", "email", 3)
    assert entry.actor_label == "Admin (admin)"
    assert entry.actor.email == "admin@example.com"
    assert entry.address == "127.0.0.1"
    assert entry.request_id


def test_each_kind_of_change_has_an_entry(admin: Caller, run_jobs: Callable[..., Workers]) -> None:
    delayed = enqueue(admin, delay=60)
    changes = {
        f"/email/{delayed}/promote": "job.promote",
        f"/email/{delayed}/priority": "job.priority",
        "/email/pause": "queue.pause",
        "/email/resume": "queue.resume",
        "/email/clean": "queue.clean",
        "/email/remove": "job.remove",
        "/email/drain": "queue.drain",
        "/pause": "queue.pause",
        "/resume": "queue.resume",
    }
    bodies = {f"/email/{delayed}/priority": {"priority": 2}, "/email/remove": {"ids": ["x"]}}
    for path, action in changes.items():
        admin.post(path, bodies.get(path))
        assert last_entry().action == action, path


def test_a_refused_change_leaves_no_entry(admin: Caller) -> None:
    job_id = enqueue(admin)
    before = last_entry().id
    assert admin("POST", f"{JOBS}/email/{job_id}/retry").status_code == 409
    assert last_entry().id == before


def test_no_job_data_lies_in_the_audit_table(admin: Caller, app: Flask) -> None:
    enqueue(admin, 987_654)
    assert "987654" not in str(last_entry().details)


# Deduplication


def test_a_job_whose_deduplication_id_is_held_is_answered_with_200_and_the_job_that_holds_it(admin: Caller) -> None:
    body = {"type": "probe", "data": {"number": 1}, "options": {"deduplication": {"id": "a/b|c"}}}
    first = admin("POST", f"{JOBS}/email", json=body)
    second = admin("POST", f"{JOBS}/email", json={**body, "data": {"number": 2}})

    assert (first.status_code, second.status_code) == (201, 200)
    assert [answer.json["data"]["deduplicated"] for answer in (first, second)] == [False, True]
    assert second.json["data"]["id"] == first.json["data"]["id"]
    assert second.json["data"]["data"]["number"] == 1
    assert admin.get("/email/stats")["deduplicated"] == 1


def test_a_debounced_job_gets_the_newer_data(admin: Caller) -> None:
    debounce = {"id": "x", "ttl": 60, "extend": True, "replace": True}
    for number in (1, 2):
        body = {"type": "probe", "data": {"number": number}, "options": {"delay": 60, "deduplication": debounce}}
        answer = admin("POST", f"{JOBS}/email", json=body)
    assert (answer.status_code, answer.json["data"]["data"]["number"]) == (200, 2)
    assert admin.get("/email/stats")["delayed"] == 1


def test_a_deduplication_that_cannot_be_is_rejected(admin: Caller) -> None:
    body = {"type": "probe", "options": {"deduplication": {"id": "x", "extend": True}}}
    answer = admin("POST", f"{JOBS}/email", json=body)
    assert answer.status_code == 422
    assert "deduplication.extend" in answer.text


# Rescheduling


def test_a_delayed_job_is_rescheduled(admin: Caller) -> None:
    job_id = enqueue(admin, delay=60)
    at = admin.get(f"/email/{job_id}")["runAt"] + 3_600_000
    assert admin.post(f"/email/{job_id}/reschedule", {"runAt": at})["runAt"] == at
    assert admin.post(f"/email/{job_id}/reschedule", {"delay": "15m"})["runAt"] < at
    assert admin("POST", f"{JOBS}/email/{enqueue(admin)}/reschedule", json={"delay": 60}).status_code == 409
    assert admin("POST", f"{JOBS}/email/gone/reschedule", json={"delay": 60}).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"delay": 1, "runAt": 1}, {"delay": "soon"}, {"delay": None}, {"runAt": -1}, {"runAt": 10**13 * 3}]
)
def test_a_time_that_cannot_be_is_rejected(admin: Caller, body: dict[str, Any]) -> None:
    job_id = enqueue(admin, delay=60)
    assert admin("POST", f"{JOBS}/email/{job_id}/reschedule", json=body).status_code == 422


# Limits


def test_limits_are_changed_and_restored(admin: Caller) -> None:
    kept = admin.post("/email/limits", {"removeOnComplete": {"age": 3600, "count": 10}})
    assert (kept["removeOnComplete"], kept["setAtRunTime"]) == ({"age": 3600, "count": 10}, ["removeOnComplete"])
    assert admin.post("/email/limits", {"removeOnComplete": None})["removeOnComplete"] == {"age": 86400, "count": 1000}
    changed = admin.post("/email/limits", {"rateLimit": "5/60s", "concurrencyLimit": 2})
    assert (changed["rateLimit"], changed["concurrencyLimit"]) == ("5/60s", "2")
    assert admin.post("/email/limits", {"concurrencyLimit": "none"})["concurrencyLimit"] == "none"
    restored = admin.post("/email/limits", {"rateLimit": None, "concurrencyLimit": None})
    assert (restored["rateLimit"], restored["concurrencyLimit"]) == ("50/60s", "none")


@pytest.mark.parametrize(
    "body", [{}, {"rateLimit": "often"}, {"concurrencyLimit": 0}, {"concurrencyLimit": [1]}, {"concurrencyLimit": True}]
)
def test_a_limit_that_cannot_be_is_rejected(admin: Caller, body: dict[str, Any]) -> None:
    assert admin("POST", f"{JOBS}/email/limits", json=body).status_code == 422
    assert admin.get("/email/stats")["rateLimit"] == "50/60s"
