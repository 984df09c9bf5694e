"""A producer's process: enqueues empty jobs and prints how many a second.

Started as `python -m benchmarks.peers.<peer> <one|bulk> <count>`. Only the standard library, since it runs in the peers' environment too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

BROKER_URL = os.environ.get("BENCH_BROKER_URL", "redis://127.0.0.1:6379/0")
# Results go to a database of their own where the peer allows it, so that its size is the number of jobs done.
RESULTS_URL = BROKER_URL.removesuffix("/0") + "/1"
SLICE = 1000


def produce(one: Callable[[], object], bulk: Callable[[int], object] | None = None) -> None:
    """Enqueues as the command line says. The first fifth warms up, the rest is timed and its jobs a second printed."""
    how, count = sys.argv[1], int(sys.argv[2])

    def enqueue(number: int) -> None:
        if how == "one" or bulk is None:
            for _ in range(number):
                one()
            return
        for start in range(0, number, SLICE):
            bulk(min(SLICE, number - start))

    warm_up = count // 5
    enqueue(warm_up)
    begun = time.perf_counter()
    enqueue(count - warm_up)
    print((count - warm_up) / (time.perf_counter() - begun))
