"""How many connections to the database one installation may open: the sum over the processes of the Procfile."""

from __future__ import annotations

from gnb.config import Settings
from gnb.services.web_processes import THREADS

POOL = 15
"""What one process's pool opens at most: `pool_size` and `max_overflow` of flask_settings."""

THREAD = 2
"""Of a web thread: its session's, and one more while a file is downloaded from the database."""

EXPORT = 3
"""Of an export job: its session's, one for the snapshot that it reads, one for the file that it writes."""

JOB = 2
"""Of any other job: its session's, and one for what is written beside it."""

RELEASE = 1
"""Of `flask db upgrade`."""


def most_connections(chosen: Settings) -> int:
    """The most there can be at once. The scheduler has none."""
    web = chosen.web_concurrency * min(THREADS * THREAD, POOL)
    jobs = sum(count * (EXPORT if queue == "export" else JOB) for queue, count in chosen.worker_concurrency.items())
    return web + jobs + RELEASE
