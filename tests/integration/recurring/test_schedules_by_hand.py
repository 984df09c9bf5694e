"""Schedules as people handle them: by the API and on the command line."""

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db, engine
from gnb.jobs.scheduled import SCHEDULES
from gnb.models import AuditEntry
from gnb.services import queue_service
from gnb.services.accounts import tokens
from tests.business import make_user
from tests.servers import on_sqlite

pytestmark = on_sqlite

URL = "/api/v1/admin/schedules"
NIGHTLY = {"name": "nightly", "type": "clean-up", "cron": "0 3 * * *", "tz": "Europe/Istanbul"}


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> Any:
    """Makes requests as an admin; gives back status and JSON."""
    header = {"Authorization": f"Bearer {tokens.issue(make_user(role='admin'))}"}

    def ask(method: str, path: str = "", body: Any = None) -> tuple[int, dict[str, Any]]:
        answer = client.open(f"{URL}{path}", method=method, json=body, headers=header)
        return answer.status_code, answer.get_json()

    return ask


def flask(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["schedules", *words])


def test_a_schedule_is_made_read_paused_resumed_run_and_removed(admin: Any) -> None:
    status, answer = admin("POST", body=NIGHTLY)
    assert (status, len(answer["data"]["upcoming"])) == (201, 5)
    assert answer["data"]["description"] == "At 03:00 (Europe/Istanbul)"
    assert admin("POST", "/nightly/pause", {})[1]["data"]["nextRun"] is None
    assert admin("POST", "/nightly/resume", {})[1]["data"]["nextRun"]
    assert admin("POST", "/nightly/run", {})[1]["data"]["name"] == "clean-up"
    _, read = admin("GET", "/nightly")
    assert [(run["kind"], run["outcome"]) for run in read["data"]["runs"]] == [("hand", "waiting")]
    assert [found["name"] for found in admin("GET")[1]["data"]] == ["nightly"]
    assert admin("DELETE", "/nightly")[0] == 200
    assert admin("GET", "/nightly")[0] == 404
    actions = list(db.session.scalars(db.select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == [f"schedule.{word}" for word in ("add", "pause", "resume", "run", "remove")]


def test_a_stale_edit_is_a_409_with_both_values(admin: Any) -> None:
    read = admin("POST", body=NIGHTLY)[1]["data"]["version"]
    assert admin("PATCH", "/nightly", {"cron": "0 4 * * *", "version": read})[0] == 200
    status, answer = admin("PATCH", "/nightly", {"cron": "0 5 * * *", "tz": "Europe/Istanbul", "version": read})
    assert (status, answer["error"]["code"]) == (409, "stale_schedule")
    assert answer["error"]["details"]["stored"] == {"cron": "0 4 * * *"}
    again = {"cron": "0 5 * * *", "version": answer["error"]["details"]["version"]}
    assert admin("PATCH", "/nightly", again)[1]["data"]["cron"] == "0 5 * * *"


def test_a_schedule_is_edited(admin: Any) -> None:
    admin("POST", body=NIGHTLY)
    changes = {"every": "10m", "overlap": True, "catchUp": "skip", "options": {"priority": 2}}
    status, answer = admin("PATCH", "/nightly", changes)
    found = answer["data"]
    assert (status, found["cron"]) == (200, None)
    assert {name: found[name] for name in changes} == {**changes, "every": 600}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"cron": "0 25 * * *"}, "cron", "hour is '25'"),
        ({"cron": "0 3 * *"}, "cron", "has 4 fields"),
        ({"tz": "Mars"}, "tz", "no time zone"),
        ({"cron": None}, "cron", "either cron"),
        ({"every": 5}, "cron", "either cron"),
        ({"cron": None, "every": -5}, "every", "-5"),
        ({"cron": None, "every": [1]}, "every", "[1]"),
        ({"type": "no-such"}, "type", "no job type"),
        ({"data": {"text": 1}}, "data", "text"),
        ({"options": {"priority": 99}}, "options", "priority"),
        ({"catchUp": "twice"}, "catchUp", "Must be one of"),
        ({"name": "no spaces"}, "name", "no spaces"),
        ({"overlap": "maybe"}, "overlap", "boolean"),
    ],
)
def test_what_is_wrong_is_said_field_by_field(admin: Any, changes: dict[str, Any], field: str, words: str) -> None:
    status, answer = admin("POST", body={**NIGHTLY, **changes})
    assert status == 422
    assert words in json.dumps(answer["error"]["details"][field])


def test_a_schedule_of_the_code_is_not_removed(admin: Any) -> None:
    engine().schedules.sync(SCHEDULES)
    status, answer = admin("DELETE", "/clean-up")
    assert (status, answer["error"]["code"]) == (409, "schedule_in_code")


def test_only_admins_change_schedules(app: Flask, client: FlaskClient) -> None:
    assert client.get(URL).status_code == 401
    support = {"Authorization": f"Bearer {tokens.issue(make_user(role='support'))}"}
    assert client.get(URL, headers=support).status_code == 200
    assert client.post(URL, json=NIGHTLY, headers=support).status_code == 403


def test_the_codes_own_schedules_are_right(app: Flask) -> None:
    done = engine().schedules.sync(SCHEDULES)
    assert set(done.values()) == {"added"}
    times = {state.name: state.schedule.cron for state in engine().schedules.list()}
    assert times["process-campaigns"] == "0 * * * *"
    assert times["update-dynamic-pricing"] == "0 2 * * mon"
    assert times["generate-weekly-report"] == "0 9 * * mon"
    assert times["update-sitemap"] == "0 0 * * *"


def test_a_repeated_job_becomes_a_schedule(app: Flask) -> None:
    repeat = {"pattern": "0 0 * * *", "tz": "Europe/Istanbul"}
    job = queue_service.add_scheduled_job("update-sitemap", {}, repeat=repeat)
    (state,) = engine().schedules.list()
    assert (job.name, job.state, job.run_at) == ("update-sitemap", "delayed", state.next_at)


def test_the_command_line_adds_lists_and_removes(app: Flask) -> None:
    done = flask(app, "add", "often", "clean-up", "--every", "2s", "--overlap", "--catch-up", "skip")
    assert (done.exit_code, "Every 2 seconds" in done.output) == (0, True)
    (found,) = json.loads(flask(app, "list", "--json").stdout)
    assert (found["name"], found["every"], found["overlap"], found["catchUp"]) == ("often", 2, True, "skip")
    assert "often" in flask(app, "list").output
    assert flask(app, "run", "often").exit_code == 0
    assert len(json.loads(flask(app, "show", "often", "--json").stdout)["upcoming"]) == 5
    assert "waiting" in flask(app, "show", "often").output
    assert [flask(app, word, "often").exit_code for word in ("pause", "resume", "remove", "remove")] == [0, 0, 0, 1]


def test_the_command_line_says_what_is_wrong_in_one_line(app: Flask) -> None:
    wrong = flask(app, "add", "x", "clean-up", "--cron", "0 25 * * *", "--tz", "Europe/Istanbul")
    assert (wrong.exit_code, "hour is '25'" in wrong.stderr, wrong.stderr.count("\n")) == (2, True, 1)
    assert flask(app, "add", "x", "clean-up").exit_code == 2
    assert flask(app, "add", "x", "no-such", "--every", "5").exit_code == 2
    assert flask(app, "pause", "nobody").exit_code == 1
