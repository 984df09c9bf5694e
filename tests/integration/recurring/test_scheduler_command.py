"""`flask jobs scheduler` as a process, and what it fires done by `flask jobs worker`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from flask import Flask

from gnb.config import ROOT, Settings
from gnb.extensions import engine
from gnb.jobs.scheduled import SCHEDULES
from gnb.queueing import Schedule
from tests.servers import on_sqlite

pytestmark = on_sqlite


def flask(settings: Settings, *words: str) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "testing",
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def wait_until(condition: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_brings_the_codes_schedules_fires_and_ends_when_told(app: Flask, settings: Settings) -> None:
    engine().schedules.add(Schedule("often", "clean-up", every=1))
    scheduler = flask(settings, "scheduler")
    try:
        wait_until(lambda: engine().schedules.get("often").fired > 0)
        assert {each.name for each in SCHEDULES} < {state.name for state in engine().schedules.list()}
        worker = flask(settings, "worker", "scheduled", "--concurrency", "1", "--max-jobs", "1")
        try:
            wait_until(lambda: any(run.outcome == "completed" for run in engine().schedules.get("often").runs))
        finally:
            worker.terminate()
            worker.wait(30)
        done = next(run for run in engine().schedules.get("often").runs if run.outcome == "completed")
        assert done.duration is not None
        assert set(engine().queue("scheduled").job(done.job_id).return_value) >= {"tokens", "audit"}
        scheduler.send_signal(signal.SIGTERM)
        assert scheduler.wait(15) == 0
        assert engine().schedules.leader() is None
    finally:
        scheduler.kill()
        scheduler.wait()
