"""The engine's own processes, as producer and as workers.

`python -m benchmarks.ours [--bands] [--app] produce one|bulk|pickup|delayed COUNT`, or
`… [--app] [--prefetch=COUNT] work PROCESSES`. `--bands` spreads the jobs over all ten priorities. `--app` runs them
inside the application, as `flask jobs worker` does: its context around each job, the data checked by a schema, the
database session closed after it.
"""

from __future__ import annotations

import argparse
import itertools

from benchmarks.jobs import BARE, CHECKED, QUEUE, STAMP
from benchmarks.peers.produce import BROKER_URL, Ways, produce
from gnb.queueing import Engine, QueueOptions
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from gnb.services.queues import DEFAULTS

KEEP_ALL = {"remove_on_complete": {"age": 86400}, "remove_on_fail": {"age": 7 * 86400}}


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bands", action="store_true")
    parser.add_argument("--app", action="store_true")
    parser.add_argument("--prefetch", type=int, default=1)
    roles = parser.add_subparsers(dest="role", required=True)
    producer = roles.add_parser("produce")
    producer.add_argument("how", choices=("one", "bulk", "pickup", "delayed"))
    producer.add_argument("count", type=int)
    roles.add_parser("work").add_argument("processes", type=int)
    given = parser.parse_args()
    if given.role == "produce":
        produce(_ways(_bare_engine(), given.bands, given.app), given.how, given.count)
    else:
        engine = _engine_of_the_application() if given.app else _bare_engine(given.prefetch)
        Supervisor(engine, [WorkerProcess([QUEUE]) for _ in range(given.processes)]).run()


def _ways(engine: Engine, bands: bool, checks: bool) -> Ways:
    queue = engine.queue(QUEUE)
    name, data = (CHECKED, {"bookingId": 7}) if checks else (BARE, {})
    # The application would keep only a thousand completed jobs: what tidying up costs is no share of its own.
    options = itertools.cycle(
        [{"priority": number} for number in range(1, 11)] if bands else [KEEP_ALL if checks else {}]
    )
    return Ways(
        one=lambda: queue.enqueue(name, data, **next(options)),
        bulk=lambda count: queue.enqueue_many((name, data, next(options)) for _ in range(count)),
        stamped=lambda: queue.enqueue(STAMP),
        delayed=lambda seconds: queue.enqueue(STAMP, delay=seconds),
    )


def _bare_engine(prefetch: int = 1) -> Engine:
    """As the queue is set up, but for keeping every finished job, as the peers do."""
    return Engine(BROKER_URL, {QUEUE: QueueOptions(DEFAULTS[QUEUE].override(KEEP_ALL), prefetch=prefetch)})


def _engine_of_the_application() -> Engine:
    from gnb import create_app
    from gnb.config import Settings

    environment = {
        "REDIS_URL": BROKER_URL,
        "APP_ENV": "testing",
        "SECRET_KEY": "only-for-the-benchmark-of-a-worker",
        "EMAIL_RATE_LIMIT": "none",
        "EMAIL_RECIPIENT_RATE_LIMIT": "none",
        "LOG_LEVEL": "warning",
    }
    return create_app(Settings.from_env(environment)).extensions["engine"]


if __name__ == "__main__":
    main()
