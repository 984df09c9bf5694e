"""Waiting for a job's end, with a progress bar where somebody watches."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from gnb.queueing import Job
from gnb.queueing.queue_reader import QueueReader

_FIRST_LOOK = 0.05
_LONGEST_BETWEEN = 1.0


def wait_for(queue: QueueReader, job_id: str) -> Job:
    """The job once it has completed or failed for good. Raises JobNotFound when it is removed meanwhile."""
    pause = _FIRST_LOOK
    with _bar() as bar:
        task = bar.add_task("waiting", total=100)
        while True:
            job = queue.job(job_id)
            words = job.progress["message"] or job.state
            bar.update(task, completed=job.progress["percent"], description=words.replace("[", r"\["))
            if job.state in ("completed", "failed"):
                return job
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_BETWEEN)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
