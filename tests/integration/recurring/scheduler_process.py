"""A scheduler as a process of its own, for tests: `python -m tests.integration.recurring.scheduler_process URL`."""

import sys
from typing import Any

from gnb.broker import end_with_parent
from gnb.queueing import Engine, JobContext, QueueOptions, Scheduler
from gnb.queueing.job_types import JobType, JobTypes


def note(data: dict[str, Any], running: JobContext) -> None:
    """Does nothing."""


def engine_at(url: str) -> Engine:
    """An engine with one queue and one job type."""
    types = JobTypes()
    types.declare(JobType("scheduled", "note", None, note, {}))
    return Engine(url, {"scheduled": QueueOptions()}, types)


if __name__ == "__main__":
    end_with_parent()
    scheduler = Scheduler(engine_at(sys.argv[1]))
    print("ready", flush=True)
    scheduler.run()
