"""RQ as it comes, for both of its workers."""

from __future__ import annotations

from redis import Redis
from rq import Queue

from benchmarks.peers.produce import BROKER_URL, Ways, empty, main, stamp

QUEUE = "bench"

if __name__ == "__main__":
    queue = Queue(QUEUE, connection=Redis.from_url(BROKER_URL))
    prepared = Queue.prepare_data("benchmarks.peers.produce.empty")
    main(
        Ways(
            one=lambda: queue.enqueue(empty),
            bulk=lambda count: queue.enqueue_many([prepared] * count),
            stamped=lambda: queue.enqueue(stamp),
        )
    )
