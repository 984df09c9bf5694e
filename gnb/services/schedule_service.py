"""Schedules as people handle them: every change is written to the audit table and made by the engine.

The API, the pages and the command line call these. `actor` is the account that asks, None for the command line. All
raise what `Schedules` raises (gnb.queueing): InvalidSchedule field by field, ScheduleNotFound, ScheduleInCode.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from gnb.extensions import engine
from gnb.models import User
from gnb.queueing import InvalidJobData, InvalidJobOption, InvalidSchedule, Job, Schedule, ScheduleState, UnknownJobType
from gnb.services.audit import Change, audited

FIELDS = ("type", "data", "cron", "every", "tz", "queue", "overlap", "catch_up", "options")


def add(name: str, values: Mapping[str, Any], actor: User | None = None) -> ScheduleState:
    """The new schedule; `values` are its fields, of which a type and either cron or every have to be there."""
    given = {field: values[field] for field in FIELDS if values.get(field) is not None}
    given.setdefault("queue", queue_of(str(given.get("type", ""))))
    given.setdefault("type", "")
    with _audited(actor, "schedule.add", name, _summary(given)):
        _field_by_field(lambda: engine().schedules.add(Schedule(name=name, **given)))
    return engine().schedules.get(name)


def edit(name: str, changes: Mapping[str, Any], actor: User | None = None) -> ScheduleState:
    """The schedule with these fields anew."""
    given = {field: changes[field] for field in FIELDS if field in changes}
    if given.get("type") and "queue" not in given:
        given["queue"] = queue_of(str(given["type"]))
    with _audited(actor, "schedule.edit", name, _summary(given)):
        _field_by_field(lambda: engine().schedules.edit(name, **given))
    return engine().schedules.get(name)


def remove(name: str, actor: User | None = None) -> None:
    """The schedule is gone; jobs it has fired stay."""
    with _audited(actor, "schedule.remove", name):
        engine().schedules.remove(name)


def pause(name: str, actor: User | None = None) -> None:
    """Nothing is fired until `resume`."""
    with _audited(actor, "schedule.pause", name):
        engine().schedules.pause(name)


def resume(name: str, actor: User | None = None) -> None:
    """Fires again, the first time from now on."""
    with _audited(actor, "schedule.resume", name):
        engine().schedules.resume(name)


def run(name: str, actor: User | None = None) -> Job:
    """The job that was enqueued at once."""
    with _audited(actor, "schedule.run", name) as change:
        job = engine().schedules.run(name)
        change.details["job"] = job.id
    return job


def queue_of(job_type: str) -> str:
    """The queue that declares the type, `scheduled` before others. Raises InvalidSchedule when none does."""
    names = sorted((queue.name for queue in engine().queues), key=lambda name: name != "scheduled")
    found = next((name for name in names if job_type in engine().types(name)), None)
    if found is None:
        types = ", ".join(known for name in names for known in engine().types(name))
        raise InvalidSchedule({"type": [f"there is no job type {job_type!r}; there are: {types}"]})
    return found


def _field_by_field(change: Any) -> None:
    """What is wrong with a schedule's job comes under the field it is wrong in."""
    try:
        change()
    except UnknownJobType as error:
        raise InvalidSchedule({"type": [str(error)]}) from error
    except InvalidJobData as error:
        raise InvalidSchedule({"data": [str(error)]}) from error
    except InvalidJobOption as error:
        raise InvalidSchedule({"options": [str(error)]}) from error


def _summary(values: Mapping[str, Any]) -> dict[str, Any]:
    return {field: values[field] for field in ("type", "cron", "every", "tz", "overlap", "catch_up") if field in values}


def _audited(
    actor: User | None, action: str, name: str, details: dict[str, Any] | None = None
) -> AbstractContextManager[Change]:
    return audited(actor, action, f"schedule/{name}", details)
