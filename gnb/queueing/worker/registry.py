"""Workers in RQ's registry, which `rq info`, `Worker.all()` and the workers page read."""

import os
import socket
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rq import Queue
from rq.version import VERSION
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from .. import clock
from .. import keys as names
from ..connection import Broker
from ..scripts import CLAIM, REGISTER, run

if TYPE_CHECKING:
    from ..engine import Engine

_CLAIM_SECONDS = 60
_LEAST_SECONDS = 2.0
"""How long a worker has to live before its jobs per minute are known."""


def claim_name(client: Any, wanted: str | None, queues: list[str], last: str) -> str:
    """Claim and return a free name: the wanted one, the process's last one, or the first <queue>.<n>@<host>."""
    host = socket.gethostname()
    base = queues[0] if len(queues) == 1 else "worker"
    numbered = (f"{base}.{number}@{host}" for number in range(1, 10_000))
    for name in (*([wanted] if wanted else []), *([last] if last else []), *numbered):
        if run(client, CLAIM, [names.worker(name), names.worker_executions(name)], [clock.rq_time(), _CLAIM_SECONDS]):
            return name
    raise RuntimeError(f"no free name for a worker of {base} on {host}")


def register(
    client: Any, engine: "Engine", name: str, queues: list[str], pid: int, ttl: int, quiet: bool = False
) -> None:
    """Write the worker's hash, add it to the lists of its sub-queues, and make its queues known to RQ."""
    now = clock.rq_time()
    sub_queues = [sub_queue for queue in queues for sub_queue in engine.queue(queue).keys.sub_queues]
    fields = {
        "birth": now,
        "last_heartbeat": now,
        "queues": ",".join(sub_queues),
        "pid": pid,
        "hostname": socket.gethostname(),
        "ip_address": "unknown",
        "version": VERSION,
        "python_version": sys.version,
        "supervisor": os.getpid(),
        "code_version": engine.version,
    }
    if quiet:
        fields["quiet"] = "1"
    args = [part for field in fields.items() for part in field]
    lists = [WORKERS_BY_QUEUE_KEY % sub_queue for sub_queue in sub_queues]
    keys = [names.worker(name), Queue.redis_queues_keys, REDIS_WORKER_KEYS, *lists]
    run(client, REGISTER, keys, [ttl, len(queues), *(f"rq:queue:{queue}" for queue in queues), *args])


def unregister(client: Any, engine: "Engine", name: str, queues: list[str]) -> None:
    """Remove the worker from all lists."""
    key = names.worker(name)
    pipeline = client.pipeline()
    pipeline.srem(REDIS_WORKER_KEYS, key)
    for queue in queues:
        for sub_queue in engine.queue(queue).keys.sub_queues:
            pipeline.srem(WORKERS_BY_QUEUE_KEY % sub_queue, key)
    pipeline.delete(key, names.worker_executions(name), names.rq_worker_executions(name))
    pipeline.execute()


_PREFIX = "rq:worker:"


@dataclass(frozen=True)
class WorkerInfo:
    """A worker at one moment.

    `state` is busy, idle, quiet, started or suspended; one that is `quiet` starts no further job, and may be busy.
    Workers of one `hostname` and `supervisor`, a process id, are shut down together. `memory_bytes`: resident memory.
    `jobs_per_minute`: of its last whole minute, or since its start if it is younger. `code_version`: that of the engine
    it was started with, "" if it has none.
    """

    name: str
    queues: tuple[str, ...]
    state: str
    job_id: str | None
    job_queue: str | None
    job_since: datetime | None
    pid: int | None
    hostname: str
    birth: datetime | None
    heartbeat: datetime | None
    completed: int
    failed: int
    working_seconds: float
    memory_bytes: int | None
    quiet: bool
    supervisor: int | None
    jobs_per_minute: float | None
    code_version: str


def workers(broker: Broker) -> list[WorkerInfo]:
    """Return all registered workers, sorted by name. Raises QueueUnavailable."""
    client = broker.client
    registered = sorted(key.decode() for key in broker.call(lambda: client.smembers(REDIS_WORKER_KEYS)))
    pipeline = client.pipeline(transaction=False)
    for key in registered:
        pipeline.hgetall(key)
        pipeline.smembers(names.worker_executions(key.removeprefix(_PREFIX)))
    answers = broker.call(pipeline.execute) if registered else []
    rows = list(zip(registered, answers[::2], answers[1::2], strict=True))
    running = [min(executions).decode() if executions else None for _, _, executions in rows]
    pipeline = client.pipeline(transaction=False)
    for member in running:
        pipeline.hmget(names.job(str(member).partition(":")[0]), "origin", "started_at")
    executions = broker.call(pipeline.execute) if running else []
    return [
        _worker(key, data, member, execution)
        for (key, data, _), member, execution in zip(rows, running, executions, strict=True)
        if data
    ]


def _worker(key: str, data: dict[bytes, bytes], member: str | None, execution: list[bytes | None]) -> WorkerInfo:
    row = {name.decode(): value.decode(errors="replace") for name, value in data.items()}
    origin, since = execution
    sub_queues = row.get("queues", "").split(",")
    return WorkerInfo(
        name=key.removeprefix(_PREFIX),
        queues=tuple(dict.fromkeys(sub_queue.partition(":")[0] for sub_queue in sub_queues if sub_queue)),
        state="quiet" if "quiet" in row and not (member and origin) else row.get("state", "?"),
        job_id=member.partition(":")[0] if member and origin else None,
        job_queue=origin.decode().partition(":")[0] if origin else None,
        job_since=clock.parse(since),
        pid=int(row["pid"]) if row.get("pid") else None,
        hostname=row.get("hostname", ""),
        birth=clock.parse(row.get("birth")),
        heartbeat=clock.parse(row.get("last_heartbeat")),
        completed=int(row.get("successful_job_count", 0)),
        failed=int(row.get("failed_job_count", 0)),
        working_seconds=float(row.get("total_working_time", 0)),
        memory_bytes=int(row["memory"]) if row.get("memory") else None,
        quiet="quiet" in row,
        supervisor=int(row["supervisor"]) if row.get("supervisor") else None,
        jobs_per_minute=_jobs_per_minute(row),
        code_version=row.get("code_version", ""),
    )


def _jobs_per_minute(row: dict[str, str]) -> float | None:
    if "jobs_per_minute" in row:
        return float(row["jobs_per_minute"])
    birth, heartbeat = clock.parse(row.get("birth")), clock.parse(row.get("last_heartbeat"))
    seconds = (heartbeat - birth).total_seconds() if birth and heartbeat else 0
    done = int(row.get("successful_job_count", 0)) + int(row.get("failed_job_count", 0))
    return done * 60 / seconds if seconds >= _LEAST_SECONDS else None
