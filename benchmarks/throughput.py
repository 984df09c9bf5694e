"""What one round measures: jobs a second worked off and enqueued, how soon a job starts, what a waiting job weighs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis

from benchmarks.contestants import Contestant
from benchmarks.processes import Progress, output_numbers, running

LOOK_EVERY = 0.01


def working(contestant: Contestant, url: str, jobs: int) -> float:
    """Jobs a second of the contestant's worker, on a queue that holds them all before it starts."""
    with Redis.from_url(url) as redis:
        redis.flushall()
    producing(contestant, url, "bulk", jobs)
    return working_off(contestant, url, jobs)


def working_off(contestant: Contestant, url: str, jobs: int) -> float:
    """Jobs a second over the next so many of the jobs that wait already.

    The first fifth warms the worker up; what is timed lies between two looks at how many jobs are done.
    """
    with Redis.from_url(url) as redis:
        before = contestant.done(redis)
        with running(contestant.worker, url) as worker:
            first = _wait_for(contestant, redis, before + jobs // 5, worker)
            last = _wait_for(contestant, redis, before + jobs, worker)
    return (last[1] - first[1]) / (last[0] - first[0])


def producing(contestant: Contestant, url: str, how: str, jobs: int) -> float:
    """Jobs a second that the contestant's producer puts into the queue, `how` being one or bulk."""
    return output_numbers([*contestant.producer, how, str(jobs)], url)[0]


def starts(contestant: Contestant, url: str, how: str, jobs: int) -> list[float]:
    """The milliseconds until each of so many jobs starts.

    `pickup`: from the call that enqueues it to its first line, the worker being idle. `delayed`: from when it was due.
    """
    with Redis.from_url(url) as redis:
        redis.flushall()
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "starts"
        os.mkfifo(pipe)
        with running(contestant.worker, url, BENCH_STARTS=str(pipe)):
            return output_numbers([*contestant.producer, how, str(jobs)], url, BENCH_STARTS=str(pipe))


def bytes_a_waiting_job(contestant: Contestant, url: str, jobs: int) -> float:
    """What the broker's memory grows by for each of so many empty jobs that wait."""
    with Redis.from_url(url) as redis:
        redis.flushall()
        producing(contestant, url, "bulk", SCRIPTS_LOADED)
        before = redis.info("memory")["used_memory"]
        producing(contestant, url, "bulk", jobs)
        return (redis.info("memory")["used_memory"] - before) / jobs


def commands_a_job(contestant: Contestant, url: str, jobs: int) -> float:
    """How many commands the broker runs for an empty job from its start to its end, those inside scripts included."""
    with Redis.from_url(url) as redis:
        redis.flushall()
        producing(contestant, url, "bulk", jobs)
        redis.config_resetstat()
        working_off(contestant, url, jobs)
        calls = {name.removeprefix("cmdstat_"): one["calls"] for name, one in redis.info("commandstats").items()}
    return sum(number for name, number in calls.items() if name.partition("|")[0] not in _NOT_OF_A_JOB) / jobs


_NOT_OF_A_JOB = {"info", "config", "client", "hello", "llen", "zcard", "evalsha", "eval", "multi", "exec"}
"""Commands by which this module looks at the progress, and those that only carry others."""

SCRIPTS_LOADED = 100  # jobs after which what is kept once, not for each job, is there


def _wait_for(contestant: Contestant, redis: Redis, jobs: int, worker: subprocess.Popen[bytes]) -> tuple[float, int]:
    progress = Progress()
    while True:
        done = contestant.done(redis)
        now = time.perf_counter()
        if done >= jobs:
            return now, done
        if worker.poll() is not None:
            raise RuntimeError(f"{contestant.name}: the worker ended with {done}, not {jobs} jobs done")
        progress.check(done)
        time.sleep(LOOK_EVERY)
