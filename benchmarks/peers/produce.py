"""A producer's process: enqueues jobs and prints how fast that went.

`python -m benchmarks.peers.<peer> one|bulk <count>` prints jobs a second; `… pickup <count>` prints, for each job, the
milliseconds from the call that enqueues it to its first line running, the worker being idle; `… delayed <count>` by how
many milliseconds each delayed job starts late. Standard library only: it runs in the peers' environment too.
"""

from __future__ import annotations

import os
import random
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

BROKER_URL = os.environ.get("BENCH_BROKER_URL", "redis://127.0.0.1:6379/0")
# Results go to a database of their own where the peer allows it, so that its size is the number of jobs done.
RESULTS_URL = BROKER_URL.removesuffix("/0") + "/1"
STARTS = os.environ.get("BENCH_STARTS", "")
SLICE = 1000
PATIENCE = 60.0  # seconds for the next job's start


def empty() -> None:
    """The empty job: does nothing, so that what is measured is the queue."""


def stamp() -> None:
    """A job that tells the producer when it started, through the pipe at `BENCH_STARTS`."""
    started = time.monotonic_ns()
    with open(STARTS, "wb", buffering=0) as pipe:  # noqa: PTH123 - a named pipe
        pipe.write(b"%d\n" % started)


@dataclass(frozen=True)
class Ways:
    """How a peer enqueues one empty job, so many in one call, one `stamp`, and one to start in so many seconds."""

    one: Callable[[], object]
    bulk: Callable[[int], object] | None = None
    stamped: Callable[[], object] | None = None
    delayed: Callable[[float], object] | None = None


def produce(ways: Ways, how: str, count: int) -> None:
    """Enqueues so many jobs and prints how fast that went."""
    if how == "pickup" and ways.stamped:
        print(*pickups(ways.stamped, count))
    elif how == "delayed" and ways.delayed:
        print(*lateness(ways.delayed, count))
    elif how == "bulk" and ways.bulk:
        bulk = ways.bulk
        print(rate(lambda number: in_slices(bulk, number), count))
    else:
        print(rate(lambda number: one_by_one(ways.one, number), count))


def main(ways: Ways) -> None:
    """Does what the command line says."""
    produce(ways, sys.argv[1], int(sys.argv[2]))


def rate(enqueue: Callable[[int], object], count: int) -> float:
    """Jobs a second. The first fifth warms up and is not timed."""
    warm_up = count // 5
    enqueue(warm_up)
    begun = time.perf_counter()
    enqueue(count - warm_up)
    return (count - warm_up) / (time.perf_counter() - begun)


def one_by_one(one: Callable[[], object], count: int) -> None:
    """Enqueues so many, a call each."""
    for _ in range(count):
        one()


def in_slices(bulk: Callable[[int], object], count: int) -> None:
    """Enqueues so many, a thousand a call."""
    for start in range(0, count, SLICE):
        bulk(min(SLICE, count - start))


def pickups(stamped: Callable[[], object], count: int) -> list[float]:
    """The milliseconds of each pickup, with pauses of 5 to 30 ms in which the worker becomes idle."""
    pipe = os.open(STARTS, os.O_RDWR)
    found = [pickup(stamped, pipe) for _ in range(count + count // 5)]
    os.close(pipe)
    return found[count // 5 :]


def pickup(stamped: Callable[[], object], pipe: int) -> float:
    """Milliseconds from the call to the job's first line."""
    time.sleep(random.uniform(0.005, 0.030))
    called = time.monotonic_ns()
    stamped()
    return (next_start(pipe) - called) / 1e6


def lateness(delayed: Callable[[float], object], count: int) -> list[float]:
    """By how many milliseconds each of so many jobs, due within the next seconds, starts after it was due."""
    pipe = os.open(STARTS, os.O_RDWR)
    due = []
    for _ in range(count):
        delay = random.uniform(0.5, 4.5)
        due.append(time.monotonic_ns() + int(delay * 1e9))
        delayed(delay)
    starts = [next_start(pipe) for _ in due]
    os.close(pipe)
    return [(start - its_due) / 1e6 for start, its_due in zip(sorted(starts), sorted(due), strict=True)]


def next_start(pipe: int) -> int:
    """The monotonic nanosecond of the next start that a job reports; one line, so that many may lie in the pipe."""
    if not select.select([pipe], [], [], PATIENCE)[0]:
        raise TimeoutError(f"a job was not started within {PATIENCE:.0f} s")
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(pipe, 1)
    return int(line)
