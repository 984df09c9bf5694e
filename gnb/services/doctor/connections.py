"""How many connections to the database one installation may open: the sum over the processes of the Procfile."""

from __future__ import annotations

from gnb.config import Settings
from gnb.services.web_processes import THREADS

POOL = 15
"""What one process's pool opens at most: `pool_size` and `max_overflow` of flask_settings."""

_A_THREAD = 2
_AN_EXPORT = 3
_A_JOB = 2
_RELEASE = 1


def most_connections(chosen: Settings) -> int:
    """The most there can be at once.

    A web thread has its session's and, while an export is downloaded from the database, one more; an export job its
    session's, one for the snapshot that it reads and one for the file that it writes; another job its session's and one
    for what is written beside it; `flask db upgrade` one. The scheduler has none.
    """
    web = chosen.web_concurrency * min(THREADS * _A_THREAD, POOL)
    jobs = sum(
        count * (_AN_EXPORT if queue == "export" else _A_JOB) for queue, count in chosen.worker_concurrency.items()
    )
    return web + jobs + _RELEASE
