"""What a worker's log says of its jobs: which, for which request, and why they broke down; and nothing of people."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from rq import Queue as RQQueue
from rq.job import Job as RQJob

from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.services import queue_service
from tests.integration.api.conftest import JOBS, Caller, accounts, admin, calling_as
from tests.servers import on_sqlite

pytestmark = on_sqlite

__all__ = ["accounts", "admin", "calling_as"]

REQUEST = "asked-for-by-a-test"


def run_worker(queue: str, settings: Settings) -> list[dict[str, Any]]:
    """The lines that a worker logs until no job waits."""
    db.session.remove()
    db.engine.dispose()
    own = {"APP_ENV": "testing", "SECRET_KEY": "k" * 32, "LOG_FORMAT": "json", "PATH": os.environ["PATH"]}
    own |= {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    flask = Path(sys.executable).with_name("flask")
    command = [str(flask), "jobs", "worker", queue, "--burst", "--concurrency", "1"]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def of_job(lines: list[dict[str, Any]], job_id: str) -> dict[str, Any]:
    (found,) = [line for line in lines if line.get("job") == job_id]
    return found


@pytest.mark.parametrize(("attempts", "level"), [(1, "error"), (2, "warning")])
def test_a_job_that_breaks_down_is_logged_with_its_stack_and_the_request_that_enqueued_it(
    admin: Caller, app: Flask, settings: Settings, attempts: int, level: str
) -> None:
    body = {"type": "update-sitemap", "options": {"attempts": attempts}}
    answer = admin("POST", f"{JOBS}/scheduled", json=body, headers={"X-Request-ID": REQUEST})
    job_id = answer.json["data"]["id"]
    db.session.execute(sa.text("DROP TABLE tours"))
    db.session.commit()

    line = of_job(run_worker("scheduled", settings), job_id)
    assert (line["event"], line["level"]) == ("the job broke down", level)
    assert (line["request_id"], line["queue"], line["type"], line["attempt"]) == (
        REQUEST, "scheduled", "update-sitemap", 1,
    )  # fmt: skip
    assert "no such table: tours" in line["exception"]


def test_what_a_job_says_by_failing_is_logged_without_its_words(app: Flask, settings: Settings) -> None:
    job = queue_service.add_email_job("booking-confirmation", {"bookingId": 4711})
    line = of_job(run_worker("email", settings), job.id)
    assert (line["event"], line["level"]) == ("the job ended with FinalError", "warning")
    assert "request_id" not in line
    assert "exception" not in line
    assert "4711" not in json.dumps(line)


def test_a_job_of_no_declared_type_is_logged(app: Flask, settings: Settings) -> None:
    job = RQQueue("email", connection=engine().broker.client, serializer="json").enqueue("os.getcwd")
    (line,) = [line for line in run_worker("email", settings) if "cannot be run" in line["event"]]
    assert line["event"] == f"job {job.id} of email cannot be run: 'os.getcwd' is not a declared job type"


def test_the_request_stands_in_rqs_own_meta_of_the_job(admin: Caller, app: Flask) -> None:
    headers = {"X-Request-ID": REQUEST}
    asked = admin("POST", f"{JOBS}/scheduled", json={"type": "update-sitemap"}, headers=headers).json["data"]["id"]
    own = queue_service.add_scheduled_job("update-sitemap").id
    fetched = [RQJob.fetch(job, connection=engine().broker.client, serializer="json") for job in (asked, own)]
    assert [job.meta for job in fetched] == [{"correlation_id": REQUEST}, {}]
