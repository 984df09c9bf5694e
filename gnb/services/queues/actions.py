"""Every change that a person makes to jobs and queues: each action exists once, is audited and is made by the engine.

    actions.change_job("retry", "email", job_id, actor)
    actions.change_jobs("remove", "email", ids, actor)
    actions.change_queue("pause", "email", actor)

The API, the pages and the command line call these. `actor` is the account that makes the change, None for the command
line. Raises what the engine raises (gnb.queueing.errors); a change that the engine rejects leaves no audit entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gnb.extensions import engine
from gnb.models import User
from gnb.queueing import Engine, Job, Queue
from gnb.queueing.errors import InvalidJobState, JobNotFound
from gnb.queueing.search import JobFilter
from gnb.services import queue_service
from gnb.services.audit import audited

SEARCHED_AT_ONCE = 20_000
"""How many jobs one call of `change_matching` searches; its answer says where to continue."""


def _remove_many(queue: Queue, ids: Iterable[str], state: str | None) -> int:
    """Remove the jobs, stopping active ones first; with `state`, only those still in it. Return the number removed."""
    chosen = list(ids)
    count = queue.remove_many(chosen, state)
    if count < len(chosen):
        active = {job.id for job in queue.jobs("active", 0, 1000).jobs}
        count += sum(_stop_and_remove(queue, job_id) for job_id in chosen if job_id in active)
    return count


def _stop_and_remove(queue: Queue, job_id: str) -> bool:
    try:
        queue.remove(job_id)
    except (JobNotFound, InvalidJobState):  # it ended meanwhile, or its worker is unresponsive
        return False
    return True


JOB_ACTIONS: Mapping[str, Callable[[Queue, str], None]] = {
    "retry": Queue.retry,
    "run-again": Queue.run_again,
    "promote": Queue.promote,
    "remove": Queue.remove,
    "stop": Queue.stop,
}
"""What can be done to one job, by the name that the audit entry `job.NAME` has."""

BulkAction = Callable[[Queue, Iterable[str], str | None], int]

BULK_ACTIONS: Mapping[str, BulkAction] = {
    "retry": lambda queue, ids, _state: queue.retry_failed(ids),
    "promote": lambda queue, ids, _state: queue.promote_many(ids),
    "remove": _remove_many,
}
"""What can be done to many jobs; the state is the one that they were found in, None for jobs named one by one."""

QUEUE_ACTIONS: Mapping[str, Callable[[Queue], int | None]] = {
    "pause": Queue.pause,
    "resume": Queue.resume,
    "drain": Queue.drain,
}


def enqueue(
    queue: str,
    job_type: str,
    data: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    actor: User | None = None,
) -> Job:
    """Enqueue a job, or return the one that already has the `job_id` or holds the deduplication id.

    Raises UnknownJobType, InvalidJobData, InvalidJobOption.
    """
    with audited(actor, "job.enqueue", queue, {"type": job_type}) as change:
        job = queue_service.add_job(queue, job_type, data, options or {})
        change.target = f"{queue}/{job.id}"
        if job.deduplicated:
            change.details["deduplicated"] = True
    return job


def change_job(action: str, queue: str, job_id: str, actor: User | None = None) -> None:
    """Apply one of `JOB_ACTIONS` to a job. Raises JobNotFound, InvalidJobState."""
    with audited(actor, f"job.{action}", f"{queue}/{job_id}"):
        JOB_ACTIONS[action](engine().queue(queue), job_id)


def count_outage(queue: str, job_id: str) -> float:
    """Return for how many seconds the job has waited for the end of an outage, such as the database's, from now on."""
    return engine().queue(queue).seconds_unavailable(job_id)


def set_priority(queue: str, job_id: str, priority: int, actor: User | None = None) -> int:
    """Change the priority of a waiting or delayed job and return the previous one.

    Raises JobNotFound, InvalidJobState, InvalidJobOption.
    """
    with audited(actor, "job.priority", f"{queue}/{job_id}", {"after": priority}) as change:
        before = change.details["before"] = engine().queue(queue).set_priority(job_id, priority)
    return before


def reschedule(
    queue: str, job_id: str, when: datetime | timedelta | float | str, actor: User | None = None
) -> datetime:
    """Let a delayed job run at this time, or after this delay, and return the previous time.

    Raises JobNotFound, InvalidJobState, InvalidJobOption.
    """
    with audited(actor, "job.reschedule", f"{queue}/{job_id}", {"after": _written(when)}) as change:
        before = engine().queue(queue).reschedule(job_id, when)
        change.details["before"] = before.isoformat()
    return before


def _written(when: datetime | timedelta | float | str) -> str:
    return when.isoformat() if isinstance(when, datetime) else f"+{when}"


def change_jobs(
    action: str,
    queue: str,
    ids: Iterable[str],
    actor: User | None = None,
    details: dict[str, Any] | None = None,
    state: str | None = None,
) -> int:
    """Apply one of `BULK_ACTIONS` to these jobs and return how many it changed; others are skipped.

    With `state`, jobs that have left it meanwhile are not removed.
    """
    chosen = list(ids)
    with audited(actor, f"job.{action}", queue, details or {"ids": chosen[:20]}) as change:
        change.count = BULK_ACTIONS[action](engine().queue(queue), chosen, state)
    return change.count


def retry_all_failed(queue: str, actor: User | None = None) -> int:
    """Retry every failed job of a queue and return their number."""
    with audited(actor, "job.retry", queue, {"all": True}) as change:
        change.count = engine().queue(queue).retry_failed()
    return change.count


@dataclass(frozen=True)
class Moved:
    """How many jobs a bulk action changed, and the cursor to continue at; None when all were searched."""

    count: int
    cursor: int | None = None


def change_matching(
    action: str, queue: str, state: str, text: str, cursor: int = 0, actor: User | None = None
) -> Moved:
    """Apply one of `BULK_ACTIONS` to the jobs of a state whose id, type or data contains the text.

    Searches `SEARCHED_AT_ONCE` jobs from `cursor` on.
    """
    with audited(actor, f"job.{action}", queue, {"state": state, "matching": True}) as change:
        moved = _change_pages(engine().queue(queue), BULK_ACTIONS[action], state, text, cursor)
        change.count = moved.count
    return moved


def change_found(
    action: str, queue: str, state: str, wanted: JobFilter, seconds: float, actor: User | None = None
) -> Moved:
    """Apply one of `BULK_ACTIONS` to the jobs of a state that the filter matches, as many as so many seconds find."""
    with audited(actor, f"job.{action}", queue, {"state": state, "matching": True}) as change:
        found = engine().queue(queue).find(state, wanted, seconds=seconds)
        change.count = BULK_ACTIONS[action](engine().queue(queue), found.ids, state)
    return Moved(change.count, found.cursor)


def _change_pages(queue: Queue, change: BulkAction, state: str, text: str, cursor: int) -> Moved:
    """Change what matches, page by page. Changed jobs leave the state, so later positions move forward."""
    count, position, end = 0, cursor, cursor + SEARCHED_AT_ONCE
    while position + count < end:
        page = queue.search(state, text, cursor=position, limit=500)
        changed = change(queue, [job.id for job in page.jobs], state) if page.jobs else 0
        count += changed
        if page.cursor is None:
            return Moved(count)
        position = page.cursor - changed
    return Moved(count, position)


def change_queue(action: str, queue: str, actor: User | None = None) -> int:
    """Apply one of `QUEUE_ACTIONS` to a queue; return the number of jobs it removed, or 1."""
    with audited(actor, f"queue.{action}", queue) as change:
        removed = QUEUE_ACTIONS[action](engine().queue(queue))
        change.count = 1 if removed is None else removed
    return change.count


def clean(
    queue: str,
    older_than: timedelta = timedelta(0),
    state: str = "completed",
    limit: int | None = None,
    actor: User | None = None,
) -> int:
    """Remove completed or failed jobs of at least this age and return their number.

    Raises InvalidJobOption for another state.
    """
    details = {"state": state, "older_than_seconds": older_than.total_seconds()}
    with audited(actor, "queue.clean", queue, details) as change:
        change.count = engine().queue(queue).clean(older_than=older_than, state=state, limit=limit)
    return change.count


def set_limits(queue: str, limits: Mapping[str, Any], actor: User | None = None) -> None:
    """Set any of `rate_limit`, `concurrency_limit`, `remove_on_complete`, `remove_on_fail` as `Queue.set_limits`.

    None restores the configured one. Raises InvalidJobOption.
    """
    with audited(actor, "queue.limit", queue, {name: limit or "default" for name, limit in limits.items()}):
        engine().queue(queue).set_limits(limits)


WORKER_ACTIONS: Mapping[str, Callable[[Engine, str], None]] = {
    "quiet": Engine.quiet_worker,
    "resume": lambda engine, name: engine.quiet_worker(name, quiet=False),
    "shut-down": Engine.shut_down_worker,
}


def change_worker(action: str, name: str, actor: User | None = None) -> None:
    """Apply one of `WORKER_ACTIONS` to a worker. Raises WorkerNotFound."""
    with audited(actor, f"worker.{action}", name):
        WORKER_ACTIONS[action](engine(), name)


def pause_all(actor: User | None = None) -> dict[str, bool]:
    """Pause every running queue; return by queue whether it was changed."""
    return _switch_all("pause", True, actor)


def resume_all(actor: User | None = None) -> dict[str, bool]:
    """Resume every paused queue; return by queue whether it was changed."""
    return _switch_all("resume", False, actor)


def _switch_all(action: str, paused: bool, actor: User | None) -> dict[str, bool]:
    changed = {stats.name: stats.paused is not paused for stats in engine().stats()}
    for name, needed in changed.items():
        if needed:
            change_queue(action, name, actor)
    return changed


def retry_all(actor: User | None = None) -> dict[str, int]:
    """Retry the failed jobs of every queue; return their numbers by queue."""
    return {stats.name: retry_all_failed(stats.name, actor) if stats.failed else 0 for stats in engine().stats()}
