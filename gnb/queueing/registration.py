"""A worker's entry in RQ's list of workers: what `rq info`, `Worker.all()` and the workers page read."""

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from rq.version import VERSION
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from . import clock
from . import keys as names
from .scripts import CLAIM, REGISTER, run

if TYPE_CHECKING:
    from .engine import Engine

_CLAIM_SECONDS = 60


def claim_name(client: Any, wanted: str | None, queues: list[str], last: str) -> str:
    """A name no living worker has: the wanted one, the slot's last one, or the first free <queue>.<n>@<host>."""
    host = socket.gethostname()
    base = queues[0] if len(queues) == 1 else "worker"
    numbered = (f"{base}.{number}@{host}" for number in range(1, 10_000))
    for name in (*([wanted] if wanted else []), *([last] if last else []), *numbered):
        if run(client, CLAIM, [names.worker(name), names.worker_executions(name)], [clock.rq_time(), _CLAIM_SECONDS]):
            return name
    raise RuntimeError(f"no free name for a worker of {base} on {host}")


def register(client: Any, engine: "Engine", name: str, queues: list[str], pid: int, ttl: int) -> None:
    """Writes the worker's hash and puts it on the lists of its bands."""
    now = clock.rq_time()
    bands = [band for queue in queues for band in engine.queue(queue).keys.bands]
    fields = {
        "birth": now,
        "last_heartbeat": now,
        "queues": ",".join(bands),
        "pid": pid,
        "hostname": socket.gethostname(),
        "ip_address": "unknown",
        "version": VERSION,
        "python_version": sys.version,
        "supervisor": os.getpid(),
    }
    words = [word for field in fields.items() for word in field]
    keys = [names.worker(name), REDIS_WORKER_KEYS, *(WORKERS_BY_QUEUE_KEY % band for band in bands)]
    run(client, REGISTER, keys, [ttl, *words])


def unregister(client: Any, engine: "Engine", name: str, queues: list[str]) -> None:
    """Takes the worker off all lists."""
    key = names.worker(name)
    pipeline = client.pipeline()
    pipeline.srem(REDIS_WORKER_KEYS, key)
    for queue in queues:
        for band in engine.queue(queue).keys.bands:
            pipeline.srem(WORKERS_BY_QUEUE_KEY % band, key)
    pipeline.delete(key, names.worker_executions(name))
    pipeline.execute()
