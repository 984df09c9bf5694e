"""`flask jobs worker` runs the jobs of queues, `flask jobs scheduler` enqueues delayed and recurring ones."""

import click
from flask import current_app
from flask.cli import with_appcontext

from gnb.cli.groups import USAGE, Failure
from gnb.extensions import db, engine, settings
from gnb.queueing import Scheduler, UnknownQueue, Worker
from gnb.queueing.errors import QueueingError, QueueUnavailable
from gnb.services import notifications


@click.command("worker")
@click.argument("queues", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Serve all queues, each with its own concurrency.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Processes for each queue, instead of the setting's.")
@click.option("--burst", is_flag=True, help="Stop when no job is left.")
@click.option("--max-jobs", type=click.IntRange(1), help="End each process after this many jobs, then the command.")
@with_appcontext
def worker(queues: tuple[str, ...], every: bool, concurrency: int | None, burst: bool, max_jobs: int | None) -> None:
    """Run the jobs of QUEUES.

    Concurrency comes from {EXPORT,EMAIL,AI,SCHEDULED}_WORKER_CONCURRENCY. SIGTERM lets running jobs finish for
    WORKER_SHUTDOWN_GRACE seconds and then requeues them; a second Ctrl-C requeues them immediately.
    """
    if bool(queues) == every:
        raise click.UsageError("name the queues to serve, or give --all")
    try:
        names = [queue.name for queue in engine().queues] if every else [engine().queue(name).name for name in queues]
    except UnknownQueue as error:
        raise click.UsageError(str(error)) from None
    concurrencies = dict.fromkeys(names, concurrency) if concurrency else settings().worker_concurrency
    Worker.configure(
        engine(), concurrencies, grace=settings().worker_shutdown_grace, max_memory=settings().worker_max_memory
    )
    # A process that forks must not hold connections that its children would share.
    db.engine.dispose()
    Worker(names).work(burst, max_jobs=max_jobs)


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Promote delayed jobs and fire schedules.

    Any number of these may run: one leads, and another takes over within five seconds when it ends.
    """
    if not settings().queue_enabled:
        click.echo("QUEUE_ENABLED is false: nothing is queued, so no scheduler starts", err=True)
        return
    from gnb.jobs.scheduled import SCHEDULES  # declares the job types with them

    process = Scheduler(engine(), SCHEDULES)
    notifications.start(current_app._get_current_object())  # type: ignore[attr-defined]
    try:
        process.run()
    except QueueUnavailable:
        raise
    except QueueingError as error:
        raise Failure(f"a schedule of gnb/jobs/scheduled.py is wrong: {error}", USAGE) from error
