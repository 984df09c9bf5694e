"""The workers that are registered, RQ's own included, and what each is at."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rq.worker_registration import REDIS_WORKER_KEYS

from . import clock
from .connection import Broker

_PREFIX = "rq:worker:"


@dataclass(frozen=True)
class WorkerInfo:
    """A worker at one moment. `state` is busy, idle, started or suspended; `memory_bytes` is its resident memory."""

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


def workers(broker: Broker) -> list[WorkerInfo]:
    """All registered workers by name. Raises QueueUnavailable."""
    client = broker.client
    registered = sorted(key.decode() for key in broker.call(lambda: client.smembers(REDIS_WORKER_KEYS)))
    pipeline = client.pipeline(transaction=False)
    for key in registered:
        pipeline.hgetall(key)
        pipeline.smembers(f"{key}:executions")
    answers = broker.call(pipeline.execute) if registered else []
    rows = list(zip(registered, answers[::2], answers[1::2], strict=True))
    running = [min(executions).decode() if executions else None for _, _, executions in rows]
    pipeline = client.pipeline(transaction=False)
    for member in running:
        pipeline.hmget(f"rq:execution:{member}", "origin", "created_at")
    executions = broker.call(pipeline.execute) if running else []
    return [
        _worker(key, data, member, execution)
        for (key, data, _), member, execution in zip(rows, running, executions, strict=True)
        if data
    ]


def _worker(key: str, data: dict[bytes, bytes], member: str | None, execution: list[bytes | None]) -> WorkerInfo:
    row = {name.decode(): value.decode(errors="replace") for name, value in data.items()}
    origin, since = execution
    bands = row.get("queues", "").split(",")
    return WorkerInfo(
        name=key.removeprefix(_PREFIX),
        queues=tuple(dict.fromkeys(band.partition(":")[0] for band in bands if band)),
        state=row.get("state", "?"),
        job_id=member.partition(":")[0] if member and origin else None,
        job_queue=origin.decode().partition(":")[0] if origin else None,
        job_since=datetime.fromtimestamp(float(since), UTC) if since else None,
        pid=int(row["pid"]) if row.get("pid") else None,
        hostname=row.get("hostname", ""),
        birth=clock.parse(row.get("birth")),
        heartbeat=clock.parse(row.get("last_heartbeat")),
        completed=int(row.get("successful_job_count", 0)),
        failed=int(row.get("failed_job_count", 0)),
        working_seconds=float(row.get("total_working_time", 0)),
        memory_bytes=int(row["memory"]) if row.get("memory") else None,
    )
