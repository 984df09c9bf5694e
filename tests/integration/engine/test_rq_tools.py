"""RQ's own tools read and run what the engine writes, and the other way round."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, RateLimit, Repeat, Retry, SimpleWorker, Webhook
from rq import Queue as RQQueue
from rq import Worker as RQWorker
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.job import Job as RQJob
from rq.job import JobStatus
from rq.results import Result

from gnb.queueing import Engine, Queue

from .conftest import Workers, wait_for

RunAll = Callable[..., None]
ROOT = Path(__file__).parents[3]
PATH = "tests.integration.engine.types."


@pytest.fixture
def client(engine: Engine) -> Any:
    with redis.Redis.from_url(engine.url) as connection:
        yield connection


def record(client: Any, job_id: str) -> dict[str, Any]:
    """What RQ's own classes read of a job, but for what differs from run to run."""
    job = RQJob.fetch(job_id, connection=client, serializer="json")
    latest = job.latest_result()
    return {
        "status": job.get_status(),
        "value": job.return_value(),
        "failed": latest.type if latest else None,
        "error": (latest.exc_string or "").strip().splitlines()[-1:] if latest else None,
        "retries_left": job.retries_left or 0,
        "registries": [
            job.id in registry
            for registry in (job.started_job_registry, job.finished_job_registry, job.failed_job_registry)
        ],
        "times": [time is not None for time in (job.created_at, job.enqueued_at, job.started_at, job.ended_at)],
        "origin": job.origin,
        "executions": job.get_executions(),
    }


def kept_for(client: Any, job_id: str) -> list[float]:
    """Seconds from a job's end until the broker forgets the job and its results; for ever is -1."""
    job = RQJob.fetch(job_id, connection=client, serializer="json")
    expiries = [client.expiretime(key) for key in (job.key, Result.get_key(job.id))]
    return [at - job.ended_at.timestamp() if at > 0 else at for at in expiries]


@pytest.mark.parametrize("kind", ["noop", "echo", "final", "flaky", "boom", "delayed"])
def test_rq_reads_the_same_from_our_worker_as_from_its_own(
    client: Any, queue: Queue, run_all: RunAll, kind: str
) -> None:
    options: dict[str, Any] = {"result_ttl": 600, "failure_ttl": 900}
    if kind in ("flaky", "boom"):
        options["retry"] = Retry(max=2, interval=60 if kind == "boom" else 0)
    name = "noop" if kind == "delayed" else kind
    theirs, ours = (RQQueue(band, connection=client, serializer="json") for band in ("stock", "email"))
    jobs = [each.enqueue(PATH + name, a=1, **options) for each in (theirs, ours)]
    SimpleWorker([theirs], connection=client, serializer="json").work(burst=True, logging_level="ERROR")
    run_all()
    first, second = (record(client, job.id) for job in jobs)
    first["origin"] = "email"
    if kind == "boom":  # it waits for its retry: of an attempt that was not the last RQ keeps nothing, we do
        assert (first.pop("failed"), first.pop("error")) == (None, None)
        assert (second.pop("failed"), second.pop("error")) == (Result.Type.RETRIED, ["ValueError: broken on attempt 1"])
        jobs.clear()
    assert first == second
    times = [kept_for(client, job.id) for job in jobs]
    assert all(abs(one - other) <= 1 for one, other in zip(*(times or [[], []]), strict=True)), times


def test_a_job_enqueued_by_stock_rq_runs(client: Any, queue: Queue, run_all: RunAll) -> None:
    made = RQQueue("email", connection=client, serializer="json").enqueue(PATH + "echo", {"a": 1})
    run_all()
    assert queue.job(made.id).return_value == {"a": 1}
    assert queue.job(made.id).name == "echo"


def test_a_stock_worker_runs_our_jobs_of_the_default_priority(client: Any, queue: Queue) -> None:
    done, failed = queue.enqueue("echo", {"a": 1}), queue.enqueue("boom", attempts=2)
    band = RQQueue("email", connection=client, serializer="json")
    SimpleWorker([band], connection=client, serializer="json").work(burst=True, logging_level="ERROR")
    assert queue.job(done.id).return_value == {"a": 1}
    assert queue.job(failed.id).state == "failed"


def test_rq_sees_our_workers_and_what_they_do(client: Any, queue: Queue, start: Callable[..., Workers]) -> None:
    start()
    wait_for(lambda: [w for w in RQWorker.all(connection=client) if client.hget(w.key, "memory")])
    job = queue.enqueue("sleep", {"seconds": 30})
    wait_for(lambda: queue.job(job.id).state == "active")
    (worker,) = RQWorker.all(connection=client, serializer="json")
    assert worker.name.startswith("email.1@")
    assert worker.get_state() == "busy"
    assert worker.get_current_executions() == []  # recorded from the first heartbeat on; that RQ looked changes nothing
    wait_for(lambda: worker.get_current_job_id() == job.id)
    assert "email" in worker.queue_names() or worker.queue_names() == []


@pytest.mark.parametrize("command", [["worker", "--burst"], ["worker-pool", "--burst", "--num-workers", "2"]])
def test_rqs_own_commands_start_our_worker(queue: Queue, engine: Engine, command: list[str], tmp_path: Path) -> None:
    jobs = queue.enqueue_many([("noop", {}, {"priority": 1 + n % 3}) for n in range(20)])
    config = tmp_path / "engine_settings.py"
    config.write_text(
        "from gnb.queueing import Worker\n"
        "from tests.integration.engine.conftest import make_engine\n"
        f"REDIS_URL = {engine.url!r}\n"
        "Worker.engine = make_engine(REDIS_URL)\n"
    )
    name, *options = command
    subprocess.run(
        [sys.executable, "-m", "rq.cli", name, "--path", str(tmp_path), "--path", str(ROOT), "-c", "engine_settings",
         "--worker-class", "gnb.queueing.Worker", *options, "email"],
        check=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert all(queue.job(job.id).state == "completed" for job in jobs)


@pytest.mark.parametrize("command", ["stop-job", "kill-horse"])
def test_rqs_command_ends_the_running_job_and_not_its_worker(
    client: Any, queue: Queue, start: Callable[..., Workers], command: str
) -> None:
    start()
    job, after = queue.enqueue("sleep", {"seconds": 30}), queue.enqueue("noop")
    wait_for(lambda: queue.job(job.id).state == "active")
    if command == "stop-job":
        send_stop_job_command(client, job.id, serializer="json")
    else:
        send_kill_horse_command(client, RQWorker.all(connection=client, serializer="json")[0].name)
    wait_for(lambda: queue.job(after.id).state == "completed")
    assert queue.job(job.id).failed_reason == "JobStopped: the job was stopped"


def test_rqs_shutdown_ends_the_worker_after_its_job(client: Any, queue: Queue, start: Callable[..., Workers]) -> None:
    workers = start()
    job = queue.enqueue("sleep", {"seconds": 1})
    wait_for(lambda: queue.job(job.id).state == "active")
    send_shutdown_command(client, RQWorker.all(connection=client, serializer="json")[0].name)
    workers.wait()
    assert queue.job(job.id).state == "completed"


def test_rqs_suspend_holds_our_workers(client: Any, queue: Queue, run_all: RunAll) -> None:
    from rq.suspension import resume, suspend

    job = queue.enqueue("noop")
    suspend(client)
    run_all()
    assert queue.job(job.id).state == "waiting"
    resume(client)
    run_all()
    assert queue.job(job.id).state == "completed"


def test_a_job_that_rq_enqueues_again_while_it_runs_runs_again(
    client: Any, engine: Engine, queue: Queue, start: Callable[..., Workers]
) -> None:
    job = queue.enqueue("note", {"url": engine.url, "seconds": 1}, remove_on_complete=True)
    workers = start(burst=True)
    wait_for(lambda: client.llen("notes") == 1)
    stock = RQJob.fetch(job.id, connection=client, serializer="json")
    RQQueue(stock.origin, connection=client, serializer="json").enqueue_job(stock)
    workers.wait()
    assert [note.split()[2] for note in client.lrange("notes", 0, -1)] == [b"start", b"end"] * 2
    assert client.exists(stock.key) == 0


UNSUPPORTED: dict[str, tuple[dict[str, Any], str]] = {
    "success callback": ({"on_success": Callback(PATH + "noop")}, "a success callback"),
    "failure callback": ({"on_failure": Callback(PATH + "noop")}, "a failure callback"),
    "stopped callback": ({"on_stopped": Callback(PATH + "noop")}, "a stopped callback"),
    "repeat": ({"repeat": Repeat(times=3, interval=1)}, "Repeat"),
    "webhook": ({"webhooks": [Webhook("https://example.com", JobStatus.FINISHED)]}, "webhooks"),
    "rate limit": ({"rate_limit": RateLimit("key", 1)}, "a RateLimit"),
}


@pytest.mark.parametrize("feature", UNSUPPORTED)
def test_a_job_with_a_feature_of_rq_that_is_not_supported_fails_with_its_name(
    client: Any, queue: Queue, run_all: RunAll, feature: str
) -> None:
    options, name = UNSUPPORTED[feature]
    stock = RQQueue("email", connection=client, serializer="json")
    jobs = [stock.enqueue(PATH + "echo", {"a": 1}, **options) for _ in range(2)]
    run_all()
    for job in jobs:
        failed = queue.job(job.id)
        reason = f"UnsupportedFeature: the job was enqueued with {name}, which these workers do not support"
        assert (failed.state, failed.failed_reason, failed.attempts_made) == ("failed", reason, 1)


def test_rqs_timeout_of_minus_one_is_no_timeout(client: Any, queue: Queue, start: Callable[..., Workers]) -> None:
    job = RQQueue("email", connection=client, serializer="json").enqueue(PATH + "sleep", seconds=5, job_timeout=-1)
    start()
    wait_for(lambda: queue.job(job.id).state in ("completed", "failed"), 30)
    assert queue.job(job.id).state == "completed"
