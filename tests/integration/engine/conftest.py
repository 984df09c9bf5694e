"""An engine on the test's own broker, and workers that it can start, stop and kill."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gnb.queueing import Engine, JobOptions, Queue, QueueOptions, RateLimit
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from tests.servers import Broker

from . import types

assert types

DEFAULTS = JobOptions(priority=3, attempts=1, timeout=30)


def make_engine(url: str, rate_limit: str = "none") -> Engine:
    options = QueueOptions(DEFAULTS, RateLimit.parse(rate_limit))
    return Engine(url, {"email": options, "export": QueueOptions(JobOptions(priority=5))})


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What the condition gives as soon as that is true; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"still not so after {seconds} s")


class Workers:
    """A supervisor in a process of its own, with its worker processes."""

    def __init__(self, engine: Engine, concurrency: int = 1, queues: tuple[str, ...] = ("email",), **options: Any):
        self.pid = os.fork()
        if self.pid:
            return
        status = 1
        try:
            engine.after_fork()
            slots = [WorkerProcess([queue]) for queue in queues for _ in range(concurrency)]
            # They are forked from the tests' process, which may be large, and none is replaced for that.
            Supervisor(engine, slots, **{"max_memory": sys.maxsize, **options}).run()
            status = 0
        finally:
            os._exit(status)

    def signal(self, number: int) -> None:
        assert self.pid, "it has ended; a signal to 0 would end the tests themselves"
        os.kill(self.pid, number)

    def wait(self, seconds: float = 30) -> int:
        """The exit status, once it has ended."""
        status = wait_for(lambda: _reaped(self.pid), seconds)
        self.pid = 0
        return os.waitstatus_to_exitcode(status[1])

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.wait()


def _reaped(pid: int) -> tuple[int, int] | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return (done, status) if done else None


@pytest.fixture
def engine(broker: Broker) -> Engine:
    return make_engine(broker.url)


@pytest.fixture
def queue(engine: Engine) -> Queue:
    return engine.queue("email")


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., Workers]]:
    """Starts workers; those still there at the end of the test are killed."""
    started: list[Workers] = []

    def start_workers(*args: Any, on: Engine = engine, **options: Any) -> Workers:
        workers = Workers(on, *args, **options)
        started.append(workers)
        return workers

    yield start_workers
    for workers in started:
        if workers.pid:
            workers.kill()


@pytest.fixture
def worker_log(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """The lines, from level WARNING on, that workers which the test starts have logged so far."""
    path = tmp_path / "workers.log"
    handler = logging.FileHandler(path)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("gnb.queueing")
    logger.addHandler(handler)
    yield lambda: path.read_text().splitlines()
    logger.removeHandler(handler)
    handler.close()


@pytest.fixture
def run_all(start: Callable[..., Workers]) -> Callable[..., None]:
    """Runs workers until no job waits."""

    def run(**options: Any) -> None:
        assert start(burst=True, **options).wait() == 0

    return run
