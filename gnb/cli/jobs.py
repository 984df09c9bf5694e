"""`flask jobs`: enqueue, list and change jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from gnb.cli import job_reports
from gnb.cli.groups import DURATION, JSON_OBJECT, QUEUE, REFUSED, Failure, OneLineGroup
from gnb.cli.output import counted, print_json
from gnb.cli.worker import scheduler, worker
from gnb.queueing import STATES, Job
from gnb.queueing.dependencies import PARENT_FAILURE
from gnb.queueing.errors import InvalidJobState, JobNotFound, WorkerNotFound
from gnb.queueing.queue_options import LIMITS
from gnb.queueing.queue_reader import QueueReader
from gnb.services.queues import actions, reading
from gnb.services.queues.schemas import EnqueuedJobSchema, JobDetailsSchema, JobPageSchema, JobSchema, WorkerSchema

if TYPE_CHECKING:
    from rich.progress import Progress

jobs = OneLineGroup("jobs", help="Jobs, queues and workers.")
jobs.add_command(worker)
jobs.add_command(scheduler)

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
queue_argument = click.argument("queue", type=QUEUE)
workers_argument = click.argument("workers", metavar="WORKER...", nargs=-1)
ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True)


@jobs.command("enqueue")
@queue_argument
@click.argument("type_name", metavar="TYPE")
@click.option("--data", type=JSON_OBJECT, default="{}", help="JSON, @FILE, or @- for standard input.")
@click.option("--priority", type=int, help="1 (first) to 10.")
@click.option("--attempts", type=int, help="How often it is tried.")
@click.option("--delay", type=DURATION, help="Run it after this time, such as 1h.")
@click.option("--timeout", type=DURATION, help="How long one attempt may take, such as 60s.")
@click.option("--job-id", help="Its id; enqueueing the same id twice makes one job.")
@click.option("--dedup-id", help="Make no job while another one with this deduplication id has not ended.")
@click.option("--dedup-ttl", type=DURATION, help="Hold the deduplication id for so long instead, such as 60s.")
@click.option("--dedup-extend", is_flag=True, help="Start --dedup-ttl again with each job that is not made.")
@click.option("--dedup-replace", is_flag=True, help="Replace the job that holds the id, while it is delayed.")
@click.option("--depends-on", metavar="ID", multiple=True, help="Run it after this job; may be given several times.")
@click.option(
    "--on-parent-failure",
    type=click.Choice(PARENT_FAILURE),
    help="If such a job fails: wait for it (the default), run all the same, or fail too.",
)
@click.option("--on-success", metavar="TYPE", help="Enqueue this type when it has completed, such as email/done.")
@click.option("--on-failure", metavar="TYPE", help="Enqueue this type when it has failed.")
@click.option("--wait", is_flag=True, help="Wait for its end; exit 1 if it fails.")
@as_json_option
def enqueue(queue: str, type_name: str, data: dict[str, Any], wait: bool, as_json: bool, **options: Any) -> None:
    """Enqueue a job of TYPE in QUEUE and print its id; with --wait its result."""
    deduplication = {name: options.pop(f"dedup_{name}") for name in ("id", "ttl", "extend", "replace")}
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if any(deduplication.values()):
        given["deduplication"] = deduplication
    job = actions.enqueue(queue, type_name, data, given)
    if job.deduplicated:
        click.echo("no job was enqueued: this one has the id, or holds the deduplication id", err=True)
    if not wait:
        print_json(EnqueuedJobSchema().dump(job)) if as_json else click.echo(job.id)
        return
    ended = wait_for(reading.queue(queue), job.id)
    print_json(JobSchema().dump(ended) if as_json else ended.return_value)
    if ended.state == "failed":
        raise Failure(f"job {ended.id} failed: {ended.failed_reason}", REFUSED)


@jobs.command("list")
@queue_argument
@click.option("--state", type=click.Choice(STATES), default="waiting", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--search", default="", help="A text in id, type, data, error or correlation id.")
@as_json_option
def list_jobs(queue: str, state: str, limit: int, search: str, as_json: bool) -> None:
    """List jobs of QUEUE: waiting ones in the order they will run, ended ones newest first."""
    page = reading.page(queue, state, 0, limit, search)
    while page["cursor"] is not None and page["count"] < limit:
        more = reading.page(queue, state, 0, limit - page["count"], search, page["cursor"])
        page = {**more, "jobs": page["jobs"] + more["jobs"], "count": page["count"] + more["count"]}
    print_json(JobPageSchema().dump(page)) if as_json else job_reports.print_page(page)


@jobs.command("show")
@queue_argument
@click.argument("job_id", metavar="ID")
@as_json_option
def show(queue: str, job_id: str, as_json: bool) -> None:
    """Show a job with its attempts, errors and logs."""
    job = reading.details(queue, job_id)
    print_json(JobDetailsSchema().dump(job)) if as_json else job_reports.print_job(job)


@jobs.command("retry")
@queue_argument
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every failed job of the queue.")
def retry(queue: str, ids: tuple[str, ...], every: bool) -> None:
    """Retry failed jobs of QUEUE."""
    if bool(ids) == every:
        raise click.UsageError("name the jobs to retry, or give --all")
    if every:
        click.echo(f"{counted(actions.retry_all_failed(queue), 'failed job')} retried")
    else:
        _each(ids, lambda job_id: actions.change_job("retry", queue, job_id), "waits again")


@jobs.command("remove")
@queue_argument
@ids_argument
def remove(queue: str, ids: tuple[str, ...]) -> None:
    """Remove jobs of QUEUE; active ones are stopped first."""
    _each(ids, lambda job_id: actions.change_job("remove", queue, job_id), "is removed")


@jobs.command("promote")
@queue_argument
@ids_argument
def promote(queue: str, ids: tuple[str, ...]) -> None:
    """Run delayed jobs of QUEUE now, and deferred ones without waiting for others."""
    _each(ids, lambda job_id: actions.change_job("promote", queue, job_id), "waits for a worker")


@jobs.command("reschedule")
@queue_argument
@click.argument("job_id", metavar="ID")
@click.option("--delay", type=DURATION, help="From now on, such as 1h.")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]), help="With an offset from UTC.")
def reschedule(queue: str, job_id: str, delay: timedelta | None, at: datetime | None) -> None:
    """Run a delayed job of QUEUE at another time, such as --at 2026-12-24T18:00+03:00."""
    if (when := delay if at is None else at) is None or (delay is not None and at is not None):
        raise click.UsageError("give either --delay or --at")
    actions.reschedule(queue, job_id, when)
    click.echo(f"{job_id} runs at {reading.queue(queue).job(job_id).run_at:%Y-%m-%dT%H:%M:%SZ}")


@jobs.command("pause")
@click.argument("queues", metavar="QUEUE...", type=QUEUE, nargs=-1, required=True)
def pause(queues: tuple[str, ...]) -> None:
    """Pause QUEUE: active jobs finish, no other starts."""
    for queue in [reading.queue(name).name for name in queues]:
        actions.change_queue("pause", queue)
        click.echo(f"{queue} is paused")


@jobs.command("resume")
@click.argument("queues", metavar="QUEUE...", type=QUEUE, nargs=-1, required=True)
def resume(queues: tuple[str, ...]) -> None:
    """Resume QUEUE."""
    for queue in [reading.queue(name).name for name in queues]:
        actions.change_queue("resume", queue)
        held = reading.stats(queue).suspended
        state = f"is not paused, but RQ has suspended all queues: {reading.RQ_RESUME}" if held else "runs again"
        click.echo(f"{queue} {state}")


@jobs.command("limit")
@queue_argument
@click.argument("rate", required=False)
@click.option("--concurrency", help="How many jobs may run at once over all workers, none, or default.")
@click.option("--keep-completed", metavar="AGE/COUNT", help="Keep completed jobs so: 24h/1000, or default.")
@click.option("--keep-failed", metavar="AGE/COUNT", help="The same for failed jobs.")
def limit(
    queue: str, rate: str | None, concurrency: str | None, keep_completed: str | None, keep_failed: str | None
) -> None:
    """Limit how many jobs of QUEUE start, run at once and are kept; RATE: 50/60s, none or default (the setting)."""
    texts = zip(LIMITS, (rate, concurrency, keep_completed, keep_failed), strict=True)
    if not (given := {name: text for name, text in texts if text}):
        raise click.UsageError("give a rate, --concurrency, --keep-completed or --keep-failed")
    actions.set_limits(queue, {name: None if text == "default" else text for name, text in given.items()})
    stats = reading.stats(queue)
    click.echo(f"{queue} has the rate limit {stats.rate_limit} and the concurrency limit {stats.concurrency_limit}")
    click.echo(f"{queue} keeps completed jobs {stats.remove_on_complete} and failed jobs {stats.remove_on_fail}")


@jobs.command("clean")
@queue_argument
@click.option("--older-than", type=DURATION, default="24h", show_default=True, help="Ended at least so long ago.")
@click.option("--state", type=click.Choice(["completed", "failed"]), default="completed", show_default=True)
def clean(queue: str, older_than: timedelta, state: str) -> None:
    """Remove ended jobs of QUEUE."""
    click.echo(f"{counted(actions.clean(queue, older_than, state), f'{state} job')} removed")


@jobs.command("drain")
@queue_argument
@click.option("--yes", is_flag=True, help="Do it without asking.")
def drain(queue: str, yes: bool) -> None:
    """Remove every waiting and delayed job of QUEUE; active ones continue."""
    stats = reading.stats(queue)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("this removes jobs for good; give --yes")
        click.confirm(
            f"Remove {counted(stats.waiting + stats.delayed, 'job')} of {queue} for good?", abort=True, err=True
        )
    removed = actions.change_queue("drain", queue)
    click.echo(f"{counted(removed, 'job')} removed")


@jobs.command("stats")
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds.")
@as_json_option
def stats(watch: bool, interval: float, as_json: bool) -> None:
    """Count the jobs of every queue; with --watch and --json, one line of JSON each time."""
    if watch:
        job_reports.watch_stats(interval, as_json)
    else:
        job_reports.print_stats(as_json)


@jobs.command("workers")
@as_json_option
def workers(as_json: bool) -> None:
    """List the workers and their current jobs."""
    found = reading.workers()
    print_json(WorkerSchema(many=True).dump(found)) if as_json else job_reports.print_workers(found)


@jobs.command("quiet")
@workers_argument
@click.option("--all", "every", is_flag=True, help="Every worker.")
def quiet(workers: tuple[str, ...], every: bool) -> None:
    """Let WORKER finish its job and start no other, until resumed."""
    _each(_chosen(workers, every), lambda name: actions.change_worker("quiet", name), "starts no further job")


@jobs.command("resume-worker")
@workers_argument
@click.option("--all", "every", is_flag=True, help="Every worker.")
def resume_worker(workers: tuple[str, ...], every: bool) -> None:
    """Let a quiet WORKER start jobs again."""
    _each(_chosen(workers, every), lambda name: actions.change_worker("resume", name), "starts jobs again")


@jobs.command("shut-down")
@click.argument("workers", metavar="WORKER...", nargs=-1, required=True)
def shut_down(workers: tuple[str, ...]) -> None:
    """Shut down the `rq worker` command of WORKER: its jobs end, or are released after the grace."""
    _each(workers, lambda name: actions.change_worker("shut-down", name), "shuts down")


def _chosen(workers: tuple[str, ...], every: bool) -> tuple[str, ...]:
    if bool(workers) == every:
        raise click.UsageError("name the workers, or give --all")
    return tuple(worker.name for worker in reading.workers()) if every else workers


def _each(ids: tuple[str, ...], move: Callable[[str], None], done: str) -> None:
    """Change one job after the other; print an error line for each that fails, and exit with 1 if any did."""
    refused = 0
    for job_id in dict.fromkeys(ids):
        try:
            move(job_id)
        except (JobNotFound, InvalidJobState, WorkerNotFound) as error:
            refused += 1
            if len(ids) == 1:
                raise
            click.echo(f"Error: {error}", err=True)
        else:
            click.echo(f"{job_id} {done}")
    if refused:
        raise click.exceptions.Exit(REFUSED)


_FIRST_LOOK = 0.05
_LONGEST_BETWEEN = 1.0


def wait_for(queue: QueueReader, job_id: str) -> Job:
    """Wait until the job has completed or failed for good, and return it. Raises JobNotFound if it is removed."""
    with _bar() as bar:
        task, pause = bar.add_task("waiting", total=100), _FIRST_LOOK
        while True:
            job = queue.job(job_id)
            words = job.progress["message"] or job.state
            bar.update(task, completed=job.progress["percent"], description=words.replace("[", r"\["))
            if job.state in ("completed", "failed"):
                return job
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_BETWEEN)


def _bar() -> Progress:
    from rich.console import Console  # here: every other command would wait for it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
