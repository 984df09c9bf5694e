"""How a long operation reports its progress."""

from collections.abc import Callable

from gnb.messages import make_message
from gnb.queueing import JobContext

Progress = Callable[[int, int], None]
"""Called with the number of items done and the total."""


def noop_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


def job_progress(context: JobContext, code: str) -> Progress:
    """Return a callback that updates the job's progress, with a message such as `1,200 of 5,000 rows`."""

    def update(done: int, total: int) -> None:
        context.progress(100.0 * done / total if total else 0.0, make_message(code, done=done, total=total))

    return update
