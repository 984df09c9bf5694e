"""flask jobs scheduler: keeps time until told to stop."""

import click
from flask.cli import with_appcontext

from gnb.cli.outcomes import USAGE, Failure
from gnb.extensions import engine
from gnb.queueing import Scheduler
from gnb.queueing.errors import QueueingError


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Promote delayed jobs and fire schedules.

    Any number of these may run: one leads, and another takes over within five seconds when it ends.
    """
    from gnb.jobs.schedules import SCHEDULES  # declares the job types with them

    process = Scheduler(engine(), SCHEDULES)
    try:
        process.run()
    except QueueingError as error:
        raise Failure(f"a schedule of gnb/jobs/schedules.py is wrong: {error}", USAGE) from error
