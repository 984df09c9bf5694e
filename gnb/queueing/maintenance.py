"""The maintenance of the queues: promote due jobs, requeue stalled ones, resolve dependents, sample the depths.

Supervisors run all of it (`timers`); the leading scheduler promotes and resolves. Any number of processes may run
it at the same time, because every step is atomic and idempotent.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rq import Queue as RQQueue
from rq.worker_registration import clean_worker_registry

from . import clock
from . import keys as names
from .errors import QueueingError
from .execution import Execution, Outcome, finish_args, lost
from .job import whole_number
from .messages import make_message
from .metrics import HISTORY_KEPT, STEPS
from .scripts import FINISH, PROMOTE, RESOLVE, SAMPLE, DequeueArgs, run

if TYPE_CHECKING:
    from .engine import Engine

log = logging.getLogger(__name__)

_PROMOTED_AT_ONCE = 500
_RESOLVED_AT_ONCE = 200
_REMOVED_AT_ONCE = 1000
_EXPIRED_AT_ONCE = 100
_SECONDS_OF_A_STEP = 0.25
_SEEN_EXPIRED_FOR = 5.0


def promote(engine: "Engine", client: Any = None) -> int:
    """Move delayed and retrying jobs that are due to their sub-queues and return their number.

    Stops after a quarter of a second for each queue; the next call continues.
    """
    client = client if client is not None else engine.broker.client
    now, moved = clock.rq_time(clock.broker_seconds(client.time())), 0
    for queue in engine.queues:
        keys, end = [*queue.keys.delayed, queue.keys.wake], time.monotonic() + _SECONDS_OF_A_STEP
        while count := run(client, PROMOTE, keys, [now, _PROMOTED_AT_ONCE]):
            moved += int(count)
            if count < _PROMOTED_AT_ONCE or time.monotonic() > end:
                break
    return moved


def resolve_dependents(engine: "Engine", client: Any = None) -> None:
    """Enqueue the dependents of ended jobs that the step which ended those did not reach, for a quarter of a second."""
    client = client if client is not None else engine.broker.client
    now, end = clock.rq_time(clock.broker_seconds(client.time())), time.monotonic() + _SECONDS_OF_A_STEP
    while run(client, RESOLVE, [], [now, _RESOLVED_AT_ONCE]) and time.monotonic() < end:
        pass


class Timer:
    """An action that is due every so many seconds."""

    def __init__(self, every: float, action: Callable[[], Any]):
        self._every = every
        self._action = action
        self._due = 0.0

    def run_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            self._action()


class Sweeper:
    """Requeues the jobs of workers without a heartbeat for longer than their lease.

    An execution is requeued when it was found expired twice, at least five seconds apart, so that after a pause of the
    broker (or a jump of its clock) living workers can renew their leases first; and only if the script that requeues
    it still finds it expired and unfinished.
    """

    def __init__(self, engine: "Engine", client: Any):
        self._engine = engine
        self._client = client
        self._expired_since: dict[tuple[str, str], float] = {}

    def sweep(self) -> int:
        """Return how many jobs were requeued, or failed because they stalled too often."""
        now, expired = time.monotonic(), self._expired()
        self._expired_since = {found: self._expired_since.get(found, now) for found in expired}
        due = [found for found, since in self._expired_since.items() if now - since >= _SEEN_EXPIRED_FOR]
        return sum(self._requeue(sub_queue, member) for sub_queue, member in due)

    def _expired(self) -> list[tuple[str, str]]:
        now = clock.broker_seconds(self._client.time())
        sub_queues = [sub_queue for queue in self._engine.queues for sub_queue in queue.keys.sub_queues]
        pipeline = self._client.pipeline(transaction=False)
        for sub_queue in sub_queues:
            pipeline.zrangebyscore(f"rq:wip:{sub_queue}", "-inf", now, start=0, num=_EXPIRED_AT_ONCE)
        answers = zip(sub_queues, pipeline.execute(), strict=True)
        return [(sub_queue, member.decode(errors="replace")) for sub_queue, members in answers for member in members]

    def _requeue(self, sub_queue: str, member: str) -> bool:
        owner = self._client.hget(names.job(member.partition(":")[0]), "worker_name")
        worker = owner.decode() if owner else "unknown"
        reason = make_message("stalled.no_heartbeat", worker=worker)
        ended = end_execution(
            self._engine,
            self._client,
            member,
            sub_queue,
            worker,
            lambda execution, stalls: lost(execution, stalls, reason),
            only_expired=True,
        )
        if ended:
            log.warning("requeued job %s of %s: %s", member.partition(":")[0], sub_queue, reason)
        return ended


def remove_expired(engine: "Engine", client: Any) -> None:
    """Remove expired jobs from the registries; the jobs themselves expire by their time to live.

    Removes 1,000 of a registry in one step, for a quarter of a second at most; the next call continues.
    """
    seconds, _ = client.time()
    keys = [key for queue in engine.queues for key in queue.keys.completed + queue.keys.failed]
    end = time.monotonic() + _SECONDS_OF_A_STEP
    while keys and time.monotonic() < end:
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.zrange(key, _REMOVED_AT_ONCE - 1, _REMOVED_AT_ONCE - 1, withscores=True)
        last = [found[0][1] if found else seconds for found in pipeline.execute()]
        for key, score in zip(keys, last, strict=True):
            pipeline.zremrangebyscore(key, "-inf", min(score, seconds))
        pipeline.execute()
        keys = [key for key, score in zip(keys, last, strict=True) if score < seconds]


def remove_dead_workers(engine: "Engine", client: Any) -> None:
    """Remove workers whose hash has expired from RQ's lists: they were lost with their supervisor or machine."""
    for queue in engine.queues:
        for sub_queue in queue.keys.sub_queues:
            clean_worker_registry(RQQueue(sub_queue, connection=client))


def sample_depths(engine: "Engine", client: Any) -> None:
    """Write each queue's depths into its history; the first process in a minute does so."""
    seconds, _ = client.time()
    minute = seconds // 60
    stats = engine.stats()
    for queue, each in zip(engine.queues, stats, strict=True):
        keys = [queue.keys.history(step, minute // minutes) for step, minutes in STEPS.items()]
        run(client, SAMPLE, keys, [*HISTORY_KEPT, each.waiting, each.active, each.delayed, each.failed])


Decide = Callable[[Execution, int], Outcome]
"""A function that decides the outcome from the execution and from how often its job has stalled."""

_EXECUTION_FIELDS = (
    "data", "timeout", "enqueued_at", "retries_left", "retry_intervals", "result_ttl", "failure_ttl", "keep_completed",
    "keep_failed", "attempts", "meta", "started_at", "type",
)  # fmt: skip


def end_executions(engine: "Engine", client: Any, worker: str, decide: Decide, count: bool = True) -> int:
    """Finish everything that the worker's records say it runs, and return how many executions that were.

    The last that was dequeued goes first, so that those that wait again do so in their order.
    """
    found = [member.decode() for member in client.smembers(names.worker_executions(worker))]
    members = sorted(found, key=lambda member: member.partition(":")[2], reverse=True)
    ended = 0
    for member in members:
        sub_queue = client.hget(names.job(member.partition(":")[0]), "origin")
        if sub_queue is None:
            client.srem(names.worker_executions(worker), member)
        else:
            ended += end_execution(engine, client, member, sub_queue.decode(), worker, decide, count=count)
    return ended


def end_execution(
    engine: "Engine",
    client: Any,
    member: str,
    sub_queue: str,
    worker: str,
    decide: Decide,
    only_expired: bool = False,
    count: bool = True,
) -> bool:
    """Finish the execution; return False if it had been finished, or (with `only_expired`) its lease still holds."""
    queue = engine.queue(sub_queue.partition(":")[0])
    job_id, _, execution_id = member.partition(":")
    now = clock.broker_seconds(client.time())
    values = client.hmget(names.job(job_id), *_EXECUTION_FIELDS, "stalls")
    started = clock.parse(values[_EXECUTION_FIELDS.index("started_at")])
    reply = [started.timestamp() if started else now, job_id.encode(), sub_queue.encode(), *values[:-1]]
    execution = Execution.from_reply(reply, execution_id, queue.options_of)
    type_name = _type_name(engine, execution)
    outcome = decide(execution, whole_number(values[-1]) or 0)
    ending = finish_args(execution, outcome, queue, type_name, now, counted=count, only_expired=only_expired)
    dequeueing = DequeueArgs(
        worker=worker, execution_id="", rq_now=clock.rq_time(now), lease=0, rate_limit="", concurrency_limit=""
    )
    return bool(run(client, FINISH, queue.keys.for_worker(worker), [*dequeueing, *ending])[0])


def _type_name(engine: "Engine", execution: Execution) -> str:
    try:
        return engine.job_types.at(execution.call()[0]).name
    except (QueueingError, TypeError):
        return "undeclared"


def timers(engine: "Engine", client: Any) -> list[Timer]:
    """Return the maintenance that a supervisor runs."""
    return [
        Timer(0.5, lambda: promote(engine, client)),
        Timer(0.5, lambda: resolve_dependents(engine, client)),
        Timer(3.0, Sweeper(engine, client).sweep),
        Timer(20.0, lambda: sample_depths(engine, client)),
        Timer(60.0, lambda: remove_expired(engine, client)),
        Timer(60.0, lambda: remove_dead_workers(engine, client)),
    ]
