"""`rq worker` with the application's own settings module and worker class."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from rq.command import send_shutdown_command, send_stop_job_command

from gnb.config import ROOT, Settings
from gnb.extensions import engine
from gnb.queueing import Engine, Queue
from tests.servers import free_port, on_sqlite

from .conftest import Workers, wait_for

Rq = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def rq(settings: Settings, tmp_path: Path) -> Iterator[Rq]:
    """Starts `rq worker`; its settings name a broker that is not there, so that it needs `--url`."""
    (tmp_path / "settings_for_test.py").write_text(
        "from gnb.rq_settings import *\nimport tests.integration.engine.types\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "testing",
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "EMAIL_WORKER_CONCURRENCY": "2",
        "EMAIL_RATE_LIMIT": "none",
        "EMAIL_RECIPIENT_RATE_LIMIT": "none",
        "WORKER_SHUTDOWN_GRACE": "0.5",
        "LOG_LEVEL": "warning",
    }
    started: list[subprocess.Popen[str]] = []

    def run(*options: str) -> "subprocess.Popen[str]":
        command = [
            sys.executable, "-m", "rq.cli", "worker", "--path", str(tmp_path), "--path", str(ROOT),
            "--config", "settings_for_test", "--worker-class", "gnb.queueing.Worker", "--url", settings.redis_url,
        ]  # fmt: skip
        process = subprocess.Popen(
            [*command, *options, "email"], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@on_sqlite
def test_rq_worker_takes_concurrency_and_grace_from_the_settings_and_url_and_name_from_its_options(
    app: Flask, rq: Rq
) -> None:
    queue = engine().queue("email")
    jobs = [queue.enqueue("sleep", {"seconds": 15}) for _ in range(3)]
    worker = rq("--name", "mine")
    wait_for(lambda: [queue.job(job.id).state for job in jobs] == ["active", "active", "waiting"], 40)
    assert [each.name for each in engine().workers()] == ["mine", "mine.2"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(8) == 0
    assert [queue.job(job.id).state for job in jobs] == ["waiting"] * 3


@on_sqlite
def test_rq_worker_honours_burst_max_jobs_and_the_logging_level(app: Flask, rq: Rq) -> None:
    queue = engine().queue("email")
    jobs = [queue.enqueue("sleep", {"seconds": 0.2}) for _ in range(5)]
    output, _ = rq("--burst", "--max-jobs", "1", "--logging_level", "info").communicate(timeout=40)
    assert [queue.job(job.id).state for job in jobs].count("completed") == 2
    assert "started as process" in output
    output, _ = rq("--burst").communicate(timeout=40)
    assert [queue.job(job.id).state for job in jobs].count("completed") == 5
    assert "started as process" not in output


@on_sqlite
def test_rq_worker_rejects_its_scheduler_with_a_sentence(app: Flask, rq: Rq) -> None:
    worker = rq("--with-scheduler")
    output, _ = worker.communicate(timeout=40)
    assert worker.returncode == 1
    assert output.splitlines()[-1].startswith("--with-scheduler is not supported")
    assert "Traceback" not in output


def test_rqs_stop_and_shutdown_reach_every_process_of_a_supervisor(
    engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    workers = start(concurrency=4)
    for _ in range(2):  # the second time over processes whose channels were subscribed to one by one
        jobs = [queue.enqueue("sleep", {"seconds": 30}) for _ in range(4)]
        wait_for(lambda jobs=jobs: all(queue.job(job.id).state == "active" for job in jobs))
        began = time.monotonic()
        for job in jobs:
            wait_for(lambda job=job: _stop(engine, job.id), 5)
        wait_for(lambda jobs=jobs: all(queue.job(job.id).state == "failed" for job in jobs), 5)
        assert time.monotonic() - began < 3
    send_shutdown_command(engine.broker.client, engine.workers()[-1].name)
    assert workers.wait(5) == 0


def _stop(engine: Engine, job_id: str) -> bool:
    """Whether RQ could send its stop command, for which it needs the record of the execution."""
    try:
        send_stop_job_command(engine.broker.client, job_id, serializer="json")
    except Exception:  # noqa: BLE001 - RQ raises several errors while the record is not yet there
        return False
    return True


@pytest.mark.parametrize("message", ["no JSON", "[]", "7", '{"command": ["a list"]}', "{}", '{"command": "stop-job"}'])
def test_a_message_that_is_no_command_does_not_end_the_supervisor(
    engine: Engine, queue: Queue, start: Callable[..., Workers], message: str
) -> None:
    workers = start(concurrency=2)
    names = wait_for(lambda: len(engine.workers()) == 2 and [worker.name for worker in engine.workers()])
    for name in names:
        wait_for(lambda name=name: engine.broker.client.publish(f"rq:pubsub:{name}", message))
    time.sleep(0.5)
    job = queue.enqueue("noop")
    wait_for(lambda: queue.job(job.id).state == "completed", 5)
    send_shutdown_command(engine.broker.client, names[0])
    assert workers.wait(5) == 0
