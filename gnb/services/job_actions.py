"""Every change that a person makes to jobs and queues: written to the audit table and done by the engine.

The API, the pages and the command line call these. `actor` is the account that asks, None for the command line; the
entry is committed (`audited`). All raise what the engine raises (gnb.queueing.errors); what is refused leaves no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gnb.extensions import engine
from gnb.models import User
from gnb.queueing import Job, Queue
from gnb.queueing.errors import InvalidJobState, JobNotFound
from gnb.queueing.queue_reader import FailureGroup
from gnb.services import queue_service
from gnb.services.audit import audited

SEARCHED_AT_ONCE = 20_000
"""How many jobs one call of an action by search looks at; its answer says where to go on."""


# One job


def enqueue(
    queue: str,
    job_type: str,
    data: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    actor: User | None = None,
) -> Job:
    """The new job, or the one that has the `job_id` already.

    Raises UnknownJobType, InvalidJobData, InvalidJobOption.
    """
    with audited(actor, "job.enqueue", queue, {"type": job_type}) as change:
        job = queue_service.add_job(queue, job_type, data, options or {})
        change.target = f"{queue}/{job.id}"
    return job


def retry(queue: str, job_id: str, actor: User | None = None) -> None:
    """A failed job waits again. Raises JobNotFound, InvalidJobState."""
    with audited(actor, "job.retry", f"{queue}/{job_id}"):
        engine().queue(queue).retry(job_id)


def run_again(queue: str, job_id: str, actor: User | None = None) -> None:
    """A completed job waits again. Raises JobNotFound, InvalidJobState."""
    with audited(actor, "job.run-again", f"{queue}/{job_id}"):
        engine().queue(queue).run_again(job_id)


def promote(queue: str, job_id: str, actor: User | None = None) -> None:
    """A delayed job waits at once. Raises JobNotFound, InvalidJobState."""
    with audited(actor, "job.promote", f"{queue}/{job_id}"):
        engine().queue(queue).promote(job_id)


def remove(queue: str, job_id: str, actor: User | None = None) -> None:
    """The job is gone; one that runs is stopped first. Raises JobNotFound, InvalidJobState."""
    with audited(actor, "job.remove", f"{queue}/{job_id}"):
        engine().queue(queue).remove(job_id)


def stop(queue: str, job_id: str, actor: User | None = None) -> None:
    """A running job is told to stop. Raises JobNotFound, InvalidJobState."""
    with audited(actor, "job.stop", f"{queue}/{job_id}"):
        engine().queue(queue).stop(job_id)


def set_priority(queue: str, job_id: str, priority: int, actor: User | None = None) -> int:
    """The waiting or delayed job's priority until now. Raises JobNotFound, InvalidJobState, InvalidJobOption."""
    with audited(actor, "job.priority", f"{queue}/{job_id}", {"after": priority}) as change:
        before = change.details["before"] = engine().queue(queue).set_priority(job_id, priority)
    return before


# Many jobs of one queue


@dataclass(frozen=True)
class Moved:
    """How many jobs an action by search moved, and the place where the next call goes on; None: all were seen."""

    count: int
    cursor: int | None = None


def retry_failed(queue: str, ids: Iterable[str] | None = None, actor: User | None = None) -> int:
    """How many failed jobs wait again: those of the ids, or all."""
    chosen = None if ids is None else list(ids)
    with audited(actor, "job.retry", queue, _named(chosen)) as change:
        change.count = engine().queue(queue).retry_failed(chosen)
    return change.count


def promote_many(queue: str, ids: Iterable[str], actor: User | None = None) -> int:
    """How many of these were delayed and now wait."""
    chosen = list(ids)
    with audited(actor, "job.promote", queue, _named(chosen)) as change:
        change.count = engine().queue(queue).promote_many(chosen)
    return change.count


def remove_many(queue: str, ids: Iterable[str], actor: User | None = None) -> int:
    """How many of these are gone; those that run are stopped first, one by one."""
    chosen = list(ids)
    with audited(actor, "job.remove", queue, _named(chosen)) as change:
        change.count = _remove(engine().queue(queue), chosen)
    return change.count


def retry_matching(queue: str, text: str, cursor: int = 0, actor: User | None = None) -> Moved:
    """The failed jobs whose id, type or data has the text wait again, from place `cursor` on."""
    found = engine().queue(queue)
    with audited(actor, "job.retry", queue, {"matching": True}) as change:
        moved = _matching(found, "failed", text, cursor, found.retry_failed)
        change.count = moved.count
    return moved


def promote_matching(queue: str, text: str, cursor: int = 0, actor: User | None = None) -> Moved:
    """The delayed jobs whose id, type or data has the text wait at once, from place `cursor` on."""
    found = engine().queue(queue)
    with audited(actor, "job.promote", queue, {"matching": True}) as change:
        moved = _matching(found, "delayed", text, cursor, found.promote_many)
        change.count = moved.count
    return moved


def remove_matching(queue: str, state: str, text: str, cursor: int = 0, actor: User | None = None) -> Moved:
    """The jobs of a state whose id, type or data has the text are gone, from place `cursor` on."""
    found = engine().queue(queue)
    with audited(actor, "job.remove", queue, {"state": state, "matching": True}) as change:
        moved = _matching(found, state, text, cursor, lambda ids: _remove(found, ids, state))
        change.count = moved.count
    return moved


def retry_group(queue: str, group: FailureGroup, actor: User | None = None) -> int:
    """How many failed jobs whose errors are alike wait again."""
    with audited(actor, "job.retry", queue, {"alike": True}) as change:
        change.count = engine().queue(queue).retry_failed(group.ids)
    return change.count


def remove_group(queue: str, group: FailureGroup, actor: User | None = None) -> int:
    """How many failed jobs whose errors are alike are gone."""
    with audited(actor, "job.remove", queue, {"state": "failed", "alike": True}) as change:
        change.count = engine().queue(queue).remove_many(group.ids, "failed")
    return change.count


def clean(
    queue: str,
    older_than: timedelta = timedelta(0),
    state: str = "completed",
    limit: int | None = None,
    actor: User | None = None,
) -> int:
    """How many completed or failed jobs that ended so long ago are gone. Raises InvalidJobOption for another state."""
    details = {"state": state, "older_than_seconds": older_than.total_seconds()}
    with audited(actor, "queue.clean", queue, details) as change:
        change.count = engine().queue(queue).clean(older_than=older_than, state=state, limit=limit)
    return change.count


def drain(queue: str, actor: User | None = None) -> int:
    """How many waiting and delayed jobs are gone; those that run go on."""
    with audited(actor, "queue.drain", queue) as change:
        change.count = engine().queue(queue).drain()
    return change.count


# Queues


def pause(queue: str, actor: User | None = None) -> None:
    """Jobs that run go on, no other starts until `resume`."""
    with audited(actor, "queue.pause", queue):
        engine().queue(queue).pause()


def resume(queue: str, actor: User | None = None) -> None:
    """Jobs start again."""
    with audited(actor, "queue.resume", queue):
        engine().queue(queue).resume()


def set_rate_limit(queue: str, limit: str | None, actor: User | None = None) -> None:
    """From now on this limit holds, such as `50/60s` or `none`; None: the setting's. Raises InvalidJobOption."""
    with audited(actor, "queue.limit", queue, {"limit": limit or "default"}):
        engine().queue(queue).set_rate_limit(limit)


def pause_all(actor: User | None = None) -> dict[str, bool]:
    """By queue, whether it ran before and is paused now; those that were paused stay so."""
    return _switch_all(True, pause, actor)


def resume_all(actor: User | None = None) -> dict[str, bool]:
    """By queue, whether it was paused before and runs now."""
    return _switch_all(False, resume, actor)


def retry_all(actor: User | None = None) -> dict[str, int]:
    """By queue, how many failed jobs wait again."""
    return {stats.name: retry_failed(stats.name, actor=actor) if stats.failed else 0 for stats in engine().stats()}


def _switch_all(paused: bool, switch: Callable[[str, User | None], None], actor: User | None) -> dict[str, bool]:
    changed = {stats.name: stats.paused is not paused for stats in engine().stats()}
    for name, needed in changed.items():
        if needed:
            switch(name, actor)
    return changed


def _matching(queue: Queue, state: str, text: str, cursor: int, move: Callable[[list[str]], int]) -> Moved:
    """Moves what matches, page by page. A job that moved is no longer of the state, so places behind it come nearer."""
    count, place, last = 0, cursor, cursor + SEARCHED_AT_ONCE
    while place + count < last:
        page = queue.search(state, text, cursor=place, limit=500)
        moved = move([job.id for job in page.jobs]) if page.jobs else 0
        count += moved
        if page.cursor is None:
            return Moved(count)
        place = page.cursor - moved
    return Moved(count, place)


def _remove(queue: Queue, ids: list[str], state: str | None = None) -> int:
    count = queue.remove_many(ids, state)
    if count < len(ids):
        running = {job.id for job in queue.jobs("active", 0, 1000).jobs}
        count += sum(_stop_and_remove(queue, job_id) for job_id in ids if job_id in running)
    return count


def _stop_and_remove(queue: Queue, job_id: str) -> bool:
    try:
        queue.remove(job_id)
    except (JobNotFound, InvalidJobState):  # it ended meanwhile, or its worker does not listen
        return False
    return True


def _named(ids: list[str] | None) -> dict[str, Any]:
    return {"all": True} if ids is None else {"ids": ids[:20]}
