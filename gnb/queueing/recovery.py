"""Ending executions whose worker cannot: it died, was killed, or does not know of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import clock
from . import keys as names
from .errors import QueueingError
from .execution import Outcome, Taken, settle_args
from .scripts import SETTLE, run

if TYPE_CHECKING:
    from .engine import Engine

Decide = Callable[[Taken, int], Outcome]
"""From the execution and how often its job has lost a worker before, how it ends."""

_TAKEN_FIELDS = (
    "data", "timeout", "enqueued_at", "retries_left", "retry_intervals", "result_ttl", "failure_ttl", "keep_completed",
    "keep_failed", "attempts", "meta", "started_at",
)  # fmt: skip


def end_executions(engine: "Engine", client: Any, worker: str, decide: Decide, count: bool = True) -> int:
    """Ends whatever the worker's records say that it runs; how many there were."""
    members = [member.decode() for member in client.smembers(names.worker_executions(worker))]
    ended = 0
    for member in members:
        band = client.hget(f"rq:execution:{member}", "origin")
        if band is None:
            client.srem(names.worker_executions(worker), member)
        else:
            ended += end_execution(engine, client, member, band.decode(), worker, decide, count=count)
    return ended


def end_execution(
    engine: "Engine",
    client: Any,
    member: str,
    band: str,
    worker: str,
    decide: Decide,
    only_expired: bool = False,
    count: bool = True,
) -> bool:
    """Whether the execution was unsettled, and (if asked) its lease over, in the step that ended it."""
    queue = engine.queue(band.partition(":")[0])
    job_id, _, execution = member.partition(":")
    seconds, microseconds = client.time()
    now = seconds + microseconds / 1e6
    started = client.hget(f"rq:execution:{member}", "created_at")
    values = client.hmget(names.job(job_id), *_TAKEN_FIELDS, "stalls")
    words = [float(started) if started else now, job_id.encode(), band.encode(), *values[:-1]]
    taken = Taken.of(words, execution, queue.options.job.timeout)
    type_name = _type_name(engine, taken)
    outcome = decide(taken, int(values[-1] or 0))
    options = queue.default_options.get(type_name, queue.options.job)
    settlement = settle_args(taken, outcome, options, type_name, now, only_expired)
    if not count:
        settlement[14] = ""
    args = [worker, "", clock.rq_time(now), 0, "", "", "", *settlement, "", "", "", "1"]
    return bool(run(client, SETTLE, queue.keys.for_worker(worker), args)[0])


def _type_name(engine: "Engine", taken: Taken) -> str:
    try:
        return engine.job_types.at(taken.call()[0]).name
    except (QueueingError, TypeError):
        return "undeclared"
