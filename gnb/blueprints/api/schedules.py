"""`/api/v1/admin/schedules`: what recurs, and what became of it."""

from __future__ import annotations

from typing import Any

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.shared.access import caller
from gnb.queueing import Job, ScheduleState
from gnb.services.queues import reading, recurring
from gnb.services.queues.schemas import JobSchema, NewSchedule, ScheduleChanges, ScheduleDetailsSchema, ScheduleSchema

blueprint = ApiBlueprint("schedules-api", __name__, url_prefix="/api/v1/admin/schedules", description="Recurring jobs")


@blueprint.endpoint("GET", "", ScheduleSchema(many=True), message="All schedules.")
def list_schedules() -> list[ScheduleState]:
    """Every schedule, each with its newest run."""
    return list(reading.schedules().list())


@blueprint.endpoint(
    "POST", "", ScheduleDetailsSchema, status=201, body=NewSchedule, errors=(404, 409), message="Schedule created."
)
def add(new: dict[str, Any]) -> ScheduleState:
    """Create a schedule. An equal one is returned unchanged; another under an existing name is rejected."""
    return recurring.add(new.pop("name"), new, caller())


@blueprint.endpoint("GET", "/<name>", ScheduleDetailsSchema, errors=(404,), message="The schedule.")
def schedule(name: str) -> ScheduleState:
    """A schedule with its next five firings and its last runs."""
    return reading.schedules().get(name)


@blueprint.endpoint(
    "PATCH", "/<name>", ScheduleDetailsSchema, body=ScheduleChanges, errors=(404, 409), message="Schedule updated."
)
def edit(changes: dict[str, Any], name: str) -> ScheduleState:
    """Change a schedule's fields; `cron` takes the place of `every` and the other way round. 409 if it no longer has
    the `version` that is sent, with the stored values."""
    return recurring.edit(name, changes, caller(), changes.get("version"))


@blueprint.endpoint("POST", "/<name>/run", JobSchema, errors=(404,), message="Job enqueued.")
def run(name: str) -> Job:
    """Enqueue the schedule's job now, beside its own firings."""
    return recurring.run(name, caller())


@blueprint.endpoint("POST", "/<name>/pause", ScheduleDetailsSchema, errors=(404,), message="Schedule paused.")
def pause(name: str) -> ScheduleState:
    """Fire nothing until it is resumed."""
    recurring.change("pause", name, caller())
    return reading.schedules().get(name)


@blueprint.endpoint("POST", "/<name>/resume", ScheduleDetailsSchema, errors=(404,), message="Schedule resumed.")
def resume(name: str) -> ScheduleState:
    """Fire again, the first time from now on."""
    recurring.change("resume", name, caller())
    return reading.schedules().get(name)


@blueprint.endpoint("DELETE", "/<name>", None, errors=(404, 409), message="Schedule removed.")
def remove(name: str) -> None:
    """Remove a schedule that was made by hand; one of the code can be paused instead."""
    recurring.change("remove", name, caller())
