"""`flask jobs`: what each command does, prints and ends with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from gnb import create_app
from gnb.config import ROOT, Settings
from gnb.extensions import db, engine
from gnb.models import AuditEntry
from tests.integration.api import probe
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import on_sqlite

pytestmark = on_sqlite
assert probe

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask jobs …` within the test's application."""

    def run_command(*arguments: str, ends: int = 0, stdin: str | None = None) -> Result:
        result = app.test_cli_runner().invoke(args=["jobs", *arguments], input=stdin)
        assert result.exit_code == ends, result.output
        return result

    return run_command


@pytest.fixture
def failed(app: Flask, run: Run) -> str:
    """The id of a failed job."""
    job_id = enqueue(run, "--data", '{"ending": "bad", "number": 7}', "--attempts", "1")
    run_jobs()
    return job_id


def enqueue(run: Run, *options: str) -> str:
    return run("enqueue", "email", "probe", *options).stdout.strip()


def run_jobs() -> None:
    db.session.remove()
    db.engine.dispose()
    assert Workers(engine(), burst=True).wait() == 0


def one_line(result: Result) -> str:
    """What a command said on standard error: one line, and nothing on standard output."""
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


# Putting in


def test_enqueue_prints_the_id_of_the_new_job(run: Run) -> None:
    job_id = enqueue(run, "--data", '{"number": 3}', "--priority", "1", "--delay", "1h", "--timeout", "60s")

    job = engine().queue("email").job(job_id)

    assert (job.data["number"], job.priority, job.state, job.timeout) == (3, 1, "delayed", 60)


def test_enqueue_reads_data_from_a_file_and_from_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"number": 4}')
    first = enqueue(run, "--data", f"@{tmp_path / 'data.json'}")
    second = run("enqueue", "email", "probe", "--data", "@-", stdin='{"number": 5}').stdout.strip()
    assert [engine().queue("email").job(job_id).data["number"] for job_id in (first, second)] == [4, 5]


def test_the_same_job_id_twice_is_one_job(run: Run) -> None:
    assert enqueue(run, "--job-id", "once") == enqueue(run, "--job-id", "once") == "once"


def test_a_delayed_job_is_rescheduled_by_a_delay_or_to_a_time(run: Run) -> None:
    job_id = enqueue(run, "--delay", "1h")
    assert run("reschedule", "email", job_id, "--at", "2027-01-02T03:04+03:00").stdout == (
        f"{job_id} runs at 2027-01-02T00:04:00Z\n"
    )
    run("reschedule", "email", job_id, "--delay", "30m")
    run_at = engine().queue("email").job(job_id).run_at
    assert run_at is not None and 1790 < (run_at - datetime.now(UTC)).total_seconds() < 1801
    one_line(run("reschedule", "email", job_id, ends=2))
    one_line(run("reschedule", "email", job_id, "--delay", "1h", "--at", "2027-01-02T03:04Z", ends=2))
    one_line(run("reschedule", "email", enqueue(run), "--delay", "1h", ends=1))
    one_line(run("reschedule", "email", "gone", "--delay", "1h", ends=1))


def test_workers_are_quieted_resumed_and_shut_down(run: Run) -> None:
    db.session.remove()
    db.engine.dispose()
    workers = Workers(engine())
    name = wait_for(engine().workers)[0].name
    assert run("quiet", "--all").stdout == f"{name} starts no further job\n"
    assert "quiet" in run("workers").stdout
    assert run("resume-worker", name).stdout == f"{name} starts jobs again\n"
    one_line(run("quiet", ends=2))
    one_line(run("quiet", "nobody", ends=1))
    wait_for(lambda: engine().broker.client.pubsub_numsub(f"rq:pubsub:{name}")[0][1])
    run("shut-down", name)
    assert workers.wait() == 0
    one_line(run("shut-down", name, ends=1))


def test_the_concurrency_limit_is_set_and_restored(run: Run) -> None:
    assert run("limit", "email", "--concurrency", "2").stdout.splitlines()[0].endswith("and the concurrency limit 2")
    line = run("limit", "email", "none", "--concurrency", "none").stdout.splitlines()[0]
    assert line.endswith("limit none and the concurrency limit none")
    assert engine().broker.client.get("gnb:concurrency:email") == b"none"
    run("limit", "email", "--concurrency", "default")
    assert engine().broker.client.get("gnb:concurrency:email") is None
    one_line(run("limit", "email", ends=2))
    one_line(run("limit", "email", "--concurrency", "0", ends=2))


def test_a_held_deduplication_id_gives_the_job_that_holds_it(run: Run) -> None:
    options = ("--dedup-id", "x", "--dedup-ttl", "60s", "--dedup-extend", "--dedup-replace", "--delay", "1h")
    first = enqueue(run, *options)
    second = run("enqueue", "email", "probe", *options, "--data", '{"number": 2}')
    assert second.stdout.strip() == first
    assert second.stderr == "no job was enqueued: this one has the id, or holds the deduplication id\n"
    assert engine().queue("email").job(first).data["number"] == 2
    assert json.loads(run("enqueue", "email", "probe", *options, "--json").stdout)["deduplicated"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        ("email", "no-such-type"),
        ("email", "probe", "--dedup-ttl", "60s"),
        ("email", "probe", "--dedup-id", "x", "--dedup-extend"),
        ("email", "probe", "--data", "{"),
        ("email", "probe", "--data", "[]"),
        ("email", "probe", "--data", "@/no/such/file"),
        ("email", "probe", "--data", '{"ending": "ugly"}'),
        ("email", "probe", "--priority", "11"),
        ("email", "probe", "--delay", "soon"),
        ("email", "probe", "--job-id", "a/b"),
        ("email", "probe", "--hurry"),
        ("email",),
    ],
)
def test_a_wrong_job_ends_with_2_and_one_line(run: Run, arguments: tuple[str, ...]) -> None:
    one_line(run("enqueue", *arguments, ends=2))


def test_waiting_for_a_job_prints_its_result(run: Run, app: Flask) -> None:
    enqueue(run)
    workers = _workers()
    try:
        result = run("enqueue", "email", "probe", "--data", '{"number": 9}', "--wait")
    finally:
        workers.stop()
    assert json.loads(result.stdout) == {"number": 9}


def test_waiting_for_a_job_that_fails_ends_with_1(run: Run) -> None:
    workers = _workers()
    try:
        result = run("enqueue", "email", "probe", "--data", '{"ending": "bad"}', "--wait", "--json", ends=1)
    finally:
        workers.stop()
    assert json.loads(result.stdout)["state"] == "failed"
    assert "probe 0 went wrong" in result.stderr


def _workers() -> Workers:
    db.session.remove()
    db.engine.dispose()
    return Workers(engine())


# Looking


def test_list_shows_a_line_a_job(run: Run) -> None:
    ids = [enqueue(run, "--data", json.dumps({"number": number})) for number in range(3)]

    lines = run("list", "email").stdout.splitlines()

    assert lines[0].split() == ["ID", "TYPE", "ABOUT", "PRIORITY", "ATTEMPTS", "SINCE"]
    assert [line.split()[0] for line in lines[1:]] == ids
    assert len(run("list", "email", "--limit", "1").stdout.splitlines()) == 2


def test_a_pipe_gets_no_colours_and_nothing_cut(run: Run) -> None:
    job_id = enqueue(run, "--job-id", "x" * 200)
    output = run("list", "email").stdout
    assert job_id in output
    assert "\x1b" not in output


def test_text_from_jobs_cannot_move_the_terminal(run: Run) -> None:
    engine().queue("email").enqueue("probe", {"number": 1}, job_id="a")
    engine().broker.client.hset("rq:job:a", "error", "\x1b[2J[red]gone[/]")
    engine().broker.client.hset("rq:job:a", "progress_message", "\x1b]0;title\x07")
    assert "\x1b" not in run("show", "email", "a").stdout


def test_list_as_json_is_what_the_api_says(run: Run) -> None:
    job_id = enqueue(run)
    page = json.loads(run("list", "email", "--json").stdout)
    assert (page["total"], page["jobs"][0]["id"], page["jobs"][0]["state"]) == (1, job_id, "waiting")


def test_list_searches(run: Run) -> None:
    enqueue(run, "--job-id", "apple")
    enqueue(run, "--job-id", "pear")
    assert json.loads(run("list", "email", "--search", "ear", "--json").stdout)["jobs"][0]["id"] == "pear"


def test_list_searches_all_jobs_however_many_there_are(run: Run) -> None:
    names = {1699: {"job_id": "needle-1"}, 3399: {"job_id": "needle-2"}}
    engine().queue("email").enqueue_many([("probe", {}, names.get(number, {})) for number in range(3400)])
    page = json.loads(run("list", "email", "--search", "needle", "--json").stdout)
    assert [job["id"] for job in page["jobs"]] == ["needle-1", "needle-2"]
    assert (page["count"], page["total"], page["cursor"]) == (2, 3400, None)
    assert json.loads(run("list", "email", "--search", "needle", "--limit", "1", "--json").stdout)["count"] == 1


def test_show_tells_all_of_a_job(run: Run, failed: str) -> None:
    text = run("show", "email", failed).stdout
    job = json.loads(run("show", "email", failed, "--json").stdout)

    for words in (failed, "probe 7 went wrong", "Traceback", "attempt 1", "failed"):
        assert words in text
    assert job["attempts"][0]["outcome"] == "failed"
    assert job["logs"] == ["attempt 1"]


def test_stats_count_every_queue(run: Run) -> None:
    enqueue(run)
    lines = [line.split() for line in run("stats").stdout.splitlines()]
    assert [line[0] for line in lines] == ["QUEUE", "export", "email", "ai", "scheduled"]
    assert json.loads(run("stats", "--json").stdout)[1]["waiting"] == 1


def test_workers_are_listed(run: Run) -> None:
    workers = _workers()
    try:
        found: list[Any] = []
        while not found:
            found = json.loads(run("workers", "--json").stdout)
        assert found[0]["name"] in run("workers").stdout
    finally:
        workers.stop()


# Moving


def test_a_failed_job_is_retried(run: Run, failed: str) -> None:
    run("retry", "email", failed)
    assert engine().queue("email").job(failed).state == "waiting"


def test_all_failed_jobs_are_retried(run: Run, failed: str) -> None:
    assert run("retry", "email", "--all").stdout == "1 failed job retried\n"


def test_retry_takes_ids_or_all(run: Run) -> None:
    one_line(run("retry", "email", ends=2))
    one_line(run("retry", "email", "--all", "x", ends=2))


@pytest.mark.parametrize("command", ["retry", "promote"])
def test_a_move_that_the_state_does_not_allow_ends_with_1(run: Run, command: str) -> None:
    one_line(run(command, "email", enqueue(run), ends=1))


@pytest.mark.parametrize("command", ["show", "retry", "remove", "promote"])
def test_an_unknown_job_ends_with_1(run: Run, command: str) -> None:
    one_line(run(command, "email", "no-such-job", ends=1))


def test_an_argument_that_is_no_text_ends_with_2(run: Run) -> None:
    one_line(run("show", "email", "\udcff", ends=2))


@pytest.mark.parametrize("command", [("list",), ("pause",), ("clean",), ("drain", "--yes"), ("retry", "--all")])
def test_an_unknown_queue_ends_with_1(run: Run, command: tuple[str, ...]) -> None:
    one_line(run(command[0], "nowhere", *command[1:], ends=1))


def test_several_jobs_are_removed_and_what_is_not_there_is_told(run: Run) -> None:
    first, second = enqueue(run), enqueue(run)
    result = run("remove", "email", first, "no-such-job", second, ends=1)
    assert engine().stats()[1].waiting == 0
    assert result.stderr.count("\n") == 1


def test_a_delayed_job_is_promoted(run: Run) -> None:
    job_id = enqueue(run, "--delay", "1h")
    run("promote", "email", job_id)
    assert engine().queue("email").job(job_id).state == "waiting"


def test_queues_pause_and_resume(run: Run) -> None:
    run("pause", "email", "ai")
    assert [stats.paused for stats in engine().stats()] == [False, True, True, False]
    run("resume", "email", "ai")
    assert not any(stats.paused for stats in engine().stats())


def test_a_rate_limit_holds_until_it_is_taken_back(run: Run) -> None:
    lines = run("limit", "email", "20/1m", "--keep-completed", "2h/10").stdout.splitlines()
    assert lines[0] == "email has the rate limit 20/60s and the concurrency limit none"
    assert lines[1] == "email keeps completed jobs 2h/10 and failed jobs 7d/5000"
    assert [stats.rate_limit for stats in engine().stats()] == ["10/60s", "20/60s", "20/60s", "none"]
    lines = run("limit", "email", "default", "--keep-completed", "default").stdout.splitlines()
    assert lines[0] == "email has the rate limit 50/60s and the concurrency limit none"
    assert lines[1] == "email keeps completed jobs 1d/1000 and failed jobs 7d/5000"
    one_line(run("limit", "email", "fast", ends=2))
    actions = [(entry.action, entry.details) for entry in db.session.scalars(sa.select(AuditEntry))]
    set_then_taken_back = [
        {"rate_limit": "20/1m", "remove_on_complete": "2h/10"},
        {"rate_limit": "default", "remove_on_complete": "default"},
    ]
    assert actions == [("queue.limit", details) for details in set_then_taken_back]


def test_clean_removes_ended_jobs(run: Run, failed: str) -> None:
    assert run("clean", "email", "--state", "failed").stdout == "0 failed jobs removed\n"
    assert run("clean", "email", "--state", "failed", "--older-than", "0s").stdout == "1 failed job removed\n"


def test_drain_wants_a_yes(run: Run) -> None:
    enqueue(run)
    one_line(run("drain", "email", ends=2))
    assert run("drain", "email", "--yes").stdout == "1 job removed\n"


def test_changes_are_written_down_as_of_the_command_line(run: Run) -> None:
    run("pause", "email")
    entry = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.target, entry.actor_label) == ("queue.pause", "email", "command line")


# The broker or the database away


@pytest.mark.parametrize("command", [("stats",), ("list", "email"), ("enqueue", "email", "probe"), ("workers",)])
def test_without_a_broker_a_command_ends_with_3(settings: Settings, app: Flask, command: tuple[str, ...]) -> None:
    away = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    with away.app_context():
        result = away.test_cli_runner().invoke(args=["jobs", *command])
    assert result.exit_code == 3
    one_line(result)
    assert "the broker at 127.0.0.1:1 cannot be used: " in result.stderr


def test_without_a_database_a_command_ends_with_3(settings: Settings, app: Flask) -> None:
    away = create_app(replace(settings, database_url="sqlite:////no/such/folder/gnb.db"))
    with away.app_context():
        result = away.test_cli_runner().invoke(args=["jobs", "pause", "email"])
    assert result.exit_code == 3
    one_line(result)


def test_no_scheduler_starts_while_queueing_is_switched_off(app: Flask, run: Run) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], queue_enabled=False)
    said = run("scheduler").stderr
    assert said == "QUEUE_ENABLED is false: nothing is queued, so no scheduler starts\n"


@pytest.mark.parametrize(("command", "pages"), [("jobs list", False), ("jobs scheduler", True)])
def test_a_command_about_jobs_imports_no_pages_unless_it_links_to_them(
    settings: Settings, command: str, pages: bool
) -> None:
    program = f"import sys; sys.argv = ['flask', *{command.split()}]; import wsgi"
    program += "; print('gnb.blueprints.admin' in sys.modules)"
    env = {"PATH": os.environ["PATH"], "APP_ENV": "testing", "SECRET_KEY": "k" * 32, "REDIS_URL": settings.redis_url}
    env["DATABASE_URL"] = settings.database_url
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True)
    assert done.stdout == f"{pages}\n".encode(), done.stderr
