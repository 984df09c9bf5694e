"""Jobs that depend on others, through the API, the command line, the metrics and the pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from gnb.extensions import db, engine
from tests.integration.api.conftest import JOBS, Caller
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

pytestmark = on_sqlite

Calling = Callable[[str | None], Caller]


@pytest.fixture
def admin(calling_as: Calling) -> Caller:
    return calling_as("admin")


def enqueue(admin: Caller, ending: str = "good", **options: object) -> str:
    return str(admin.post("/email", {"type": "probe", "data": {"ending": ending}, "options": options})["id"])


def run_jobs() -> None:
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0


def test_a_job_tells_on_whom_it_depends_and_who_depends_on_it(admin: Caller) -> None:
    first = enqueue(admin)
    last = enqueue(admin, dependsOn=[first])

    (listed,) = admin.get("/email/jobs?state=deferred")["jobs"]
    assert (listed["id"], listed["state"], listed["dependsOn"]) == (last, "deferred", [first])
    assert (admin.get("/email/stats")["deferred"], admin.get("/email/stats")["total"]) == (1, 2)
    run_jobs()

    ended = admin.get(f"/email/{last}")
    (parent,) = ended["parents"]
    assert parent == {"id": first, "queue": "email", "name": "probe", "state": "completed", "failedReason": None}
    assert [job["id"] for job in admin.get(f"/email/{first}")["dependents"]] == [last]
    assert ended["opts"]["depends_on"] == [first]


def test_the_options_have_their_names_in_python_too(admin: Caller) -> None:
    first = enqueue(admin, "bad")
    cancelled = enqueue(admin, depends_on=first, onParentFailure="cancel")
    run_jobs()
    assert (
        admin.get(f"/email/{cancelled}")["failedReason"]
        == f"ParentFailed: the job {first}, for which it waited, failed"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dependsOn": "nobody"}, "depends_on has 'nobody'; there is no such job"),
        ({"dependsOn": {"id": 1}}, "give jobs or their ids"),
        ({"dependsOn": [None]}, "give jobs or their ids"),
        ({"dependsOn": [], "onParentFailure": "hope"}, "give 'wait', 'run' or 'cancel'"),
        ({"onSuccess": "probe"}, "whose data is not the outcome of a job"),
        ({"onFailure": "nowhere/probe"}, "there is no job type"),
    ],
)
def test_what_cannot_be_is_rejected_by_name(admin: Caller, options: dict[str, object], words: str) -> None:
    answer = admin("POST", f"{JOBS}/email", json={"type": "probe", "options": options})
    assert answer.status_code == 422
    assert words in answer.text.replace('\\"', '"')


def test_a_deferred_job_is_promoted_given_another_priority_and_removed(admin: Caller) -> None:
    first = enqueue(admin)
    second, third = enqueue(admin, dependsOn=first), enqueue(admin, dependsOn=first)
    assert admin.post(f"/email/{second}/priority", {"priority": 1})["state"] == "deferred"
    assert admin.post(f"/email/{second}/promote")["state"] == "waiting"
    assert admin("DELETE", f"{JOBS}/email/{third}").status_code == 200
    assert admin.get("/email/stats")["deferred"] == 0
    assert admin("POST", f"{JOBS}/email/{first}/promote").status_code == 409


def test_the_metrics_count_deferred_jobs(admin: Caller, app: Flask) -> None:
    enqueue(admin, dependsOn=enqueue(admin))
    text = app.test_client().get("/metrics").text
    assert 'queue_jobs_deferred{queue="email"} 1.0' in text


def test_the_command_line_enqueues_lists_and_runs_jobs_that_depend_on_others(admin: Caller, app: Flask) -> None:
    first, second = enqueue(admin, "bad"), enqueue(admin)

    def run(*arguments: str) -> str:
        result = app.test_cli_runner().invoke(args=["jobs", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    job_id = run("enqueue", "email", "probe", "--depends-on", first, "--depends-on", second).strip()
    run_all = run("enqueue", "email", "probe", "--depends-on", first, "--on-parent-failure", "run").strip()
    assert job_id in run("list", "email", "--state", "deferred")
    run_jobs()
    shown = run("show", "email", job_id)
    assert f"email/{first} (failed)" in " ".join(shown.split())
    assert engine().queue("email").job(run_all).state == "completed"
    run("promote", "email", job_id)
    assert engine().queue("email").job(job_id).state == "waiting"


def test_a_queue_has_a_tab_for_deferred_jobs_only_where_there_are_any(admin: Caller) -> None:
    first = enqueue(admin)
    tab = "/admin/jobs/email?state=deferred"
    assert tab not in admin("GET", "/admin/jobs/email").text
    enqueue(admin, dependsOn=first)
    assert tab in admin("GET", "/admin/jobs/email").text
    assert tab not in admin("GET", "/admin/jobs/export").text
