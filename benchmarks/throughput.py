"""Jobs a second of a worker, and of a producer, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis import Redis

from benchmarks.contestants import ROOT, Contestant

PATIENCE = 60.0  # seconds for a round; the slowest contestant needs three
LOOK_EVERY = 0.01


def working(contestant: Contestant, url: str, jobs: int) -> float:
    """Jobs a second of the contestant's worker on a queue that holds them all before it starts.

    The first fifth warms it up; what is timed lies between two looks at how many jobs are done.
    """
    with Redis.from_url(url) as redis:
        redis.flushall()
        producing(contestant, url, "bulk", jobs)
        with running(contestant.worker, url):
            first = _wait_for(contestant, redis, jobs // 5)
            last = _wait_for(contestant, redis, jobs)
    return (last[1] - first[1]) / (last[0] - first[0])


def producing(contestant: Contestant, url: str, how: str, jobs: int) -> float:
    """Jobs a second that the contestant's producer puts into the queue, `how` being one or bulk."""
    command = [*contestant.producer, how, str(jobs)]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(url), stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True
    )
    return float(done.stdout.split()[-1])


@contextmanager
def running(command: Sequence[str], url: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process group that ends with the block."""
    process = subprocess.Popen(
        [part.format(url=url) for part in command],
        cwd=ROOT,
        env={**_environment(url), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # children that outlived it
    except ProcessLookupError:
        pass


def _wait_for(contestant: Contestant, redis: Redis, jobs: int) -> tuple[float, int]:
    deadline = time.monotonic() + PATIENCE
    while True:
        done = contestant.done(redis)
        now = time.perf_counter()
        if done >= jobs:
            return now, done
        if time.monotonic() > deadline:
            raise TimeoutError(f"{contestant.name}: {done} of {jobs} jobs done in {PATIENCE:.0f} s")
        time.sleep(LOOK_EVERY)


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "BENCH_BROKER_URL": url, "PYTHONPATH": str(ROOT)}
