"""`/api/v1/admin/jobs/…` of whole queues and `/api/v1/admin/schedules`.

Queues: pause, resume, limits, clean, drain, and actions on many jobs. Schedules: all operations on them and their runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gnb.blueprints.api.endpoints import ApiBlueprint, ByName
from gnb.blueprints.api.jobs import JOB_ID, READABLE, blueprint, text_field
from gnb.blueprints.shared.access import caller
from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import LARGEST_INT, WholeNumber
from gnb.queueing import STATES, Job, QueueStats, ScheduleState
from gnb.services.queues import actions, reading, recurring
from gnb.services.queues.schemas import (
    JobSchema,
    NewSchedule,
    QueueStatsSchema,
    ScheduleChanges,
    ScheduleDetailsSchema,
    ScheduleSchema,
)

_TEN_YEARS = 10 * 365 * 86_400_000


def _ids() -> fields.List:
    return fields.List(fields.String(validate=JOB_ID), validate=validate.Length(1, 5000))


class Chosen(LocalizedSchema):
    """Which failed jobs: those of `ids`, those that match `q`, or all."""

    ids = _ids()
    q = text_field()
    cursor = WholeNumber(0, LARGEST_INT, load_default=0)

    @validates_schema
    def _check_one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "ids" in data and "q" in data:
            raise ValidationError(make_message("invalid_field.selection"), "q")


class ChosenToRemove(Chosen):
    """Which jobs: those of `ids`, or those of `state` that match `q`."""

    state = fields.String(load_default="failed", validate=validate.OneOf(STATES))

    @validates_schema
    def _check_any(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "ids" not in data and "q" not in data:
            raise ValidationError(make_message("invalid_field.selection"), "ids")


class Cleaning(LocalizedSchema):
    """Which finished jobs to remove: those that ended at least `grace` milliseconds ago."""

    grace = WholeNumber(0, _TEN_YEARS, load_default=86_400_000)
    state = fields.String(load_default="completed", validate=validate.OneOf(("completed", "failed")))
    limit = WholeNumber(1, 1_000_000, load_default=None, allow_none=True)


class CountSchema(Schema):
    """How many jobs were moved."""

    count = fields.Integer(required=True)


class MovedSchema(Schema):
    """How many jobs were moved; `cursor` says where the next call continues a search that has not read all jobs."""

    count = fields.Integer(required=True)
    cursor = fields.Integer(required=True, allow_none=True)


class SwitchedSchema(Schema):
    """A queue that runs, is paused, or is suspended with all others by `rq suspend`."""

    queue = fields.String(required=True)
    paused = fields.Boolean(required=True)
    suspended = fields.Boolean(
        required=True, metadata={"description": "Whether `rq suspend` holds all queues, until `rq resume`."}
    )


def _switched(queue: str) -> dict[str, Any]:
    stats = reading.stats(queue)
    return {"queue": queue, "paused": stats.paused, "suspended": stats.suspended}


@blueprint.endpoint("POST", "/<queue>/pause", SwitchedSchema, errors=(404,), message="Paused.")
def pause(queue: str) -> dict[str, Any]:
    """Pause the queue: active jobs finish, no other starts."""
    actions.change_queue("pause", queue, caller())
    return _switched(queue)


@blueprint.endpoint("POST", "/<queue>/resume", SwitchedSchema, errors=(404,), message="Resumed.")
def resume(queue: str) -> dict[str, Any]:
    """Resume the queue."""
    actions.change_queue("resume", queue, caller())
    return _switched(queue)


def _retention(name: str, state: str) -> fields.Raw:
    return fields.Raw(
        data_key=name,
        allow_none=True,
        metadata={
            "description": f"How long and how many {state} jobs are kept; age in seconds, null keeps all.",
            "type": "object",
            "properties": {"age": {"type": ["number", "null"]}, "count": {"type": ["integer", "null"]}},
        },
    )


class NewLimits(Schema):
    """The limits and retention of a queue; null restores the configured one, `none` is no limit."""

    rate_limit = fields.String(
        data_key="rateLimit",
        allow_none=True,
        validate=[validate.Length(1, 50), READABLE],
        metadata={"description": "Starts in any window, such as 50/60s."},
    )
    concurrency_limit = fields.Raw(
        data_key="concurrencyLimit",
        allow_none=True,
        metadata={
            "description": "How many jobs may run at once over all workers.",
            "oneOf": [{"type": "integer", "minimum": 1, "maximum": 10_000}, {"type": "string", "enum": ["none"]}],
        },
    )

    remove_on_complete = _retention("removeOnComplete", "completed")
    remove_on_fail = _retention("removeOnFail", "failed")

    @validates_schema
    def _check_any(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError(make_message("invalid_field.limit"), "rateLimit")


@blueprint.endpoint(
    "POST", "/<queue>/limits", QueueStatsSchema, body=NewLimits, errors=(404,), message="Limits changed."
)
def set_limits(wanted: dict[str, Any], queue: str) -> QueueStats:
    """Change the rate limit, the concurrency limit and the retention of a queue; active jobs continue."""
    actions.set_limits(queue, wanted, caller())
    return reading.stats(queue)


@blueprint.endpoint("POST", "/<queue>/drain", CountSchema, errors=(404,), message="Waiting and delayed jobs removed.")
def drain(queue: str) -> dict[str, int]:
    """Remove every waiting and delayed job; active ones continue."""
    return {"count": actions.change_queue("drain", queue, caller())}


@blueprint.endpoint(
    "POST",
    "/<queue>/clean",
    CountSchema,
    body=Cleaning,
    errors=(404,),
    message="Finished jobs removed.",
)
def clean(wanted: dict[str, Any], queue: str) -> dict[str, int]:
    """Remove completed or failed jobs that ended long enough ago."""
    age = timedelta(milliseconds=wanted["grace"])
    return {"count": actions.clean(queue, age, wanted["state"], wanted["limit"], caller())}


@blueprint.endpoint(
    "POST",
    "/<queue>/retry",
    MovedSchema,
    body=Chosen,
    errors=(404,),
    message="Failed jobs requeued.",
)
def retry(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """Requeue failed jobs: all, those of `ids`, or those that match `q`."""
    if "q" in wanted:
        return vars(actions.change_matching("retry", queue, "failed", wanted["q"], wanted["cursor"], caller()))
    if "ids" in wanted:
        return {"count": actions.change_jobs("retry", queue, wanted["ids"], caller()), "cursor": None}
    return {"count": actions.retry_all_failed(queue, caller()), "cursor": None}


@blueprint.endpoint("POST", "/<queue>/remove", MovedSchema, body=ChosenToRemove, errors=(404,), message="Jobs removed.")
def remove(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """Remove jobs: those of `ids`, or those of a state that match `q`. Active ones are stopped first."""
    if "q" in wanted:
        return vars(actions.change_matching("remove", queue, wanted["state"], wanted["q"], wanted["cursor"], caller()))
    return {"count": actions.change_jobs("remove", queue, wanted["ids"], caller()), "cursor": None}


@blueprint.endpoint("POST", "/pause", ByName(SwitchedSchema), message="Paused.")
def pause_all() -> dict[str, dict[str, Any]]:
    """Pause every queue."""
    return {name: _switched(name) for name in actions.pause_all(caller())}


@blueprint.endpoint("POST", "/resume", ByName(SwitchedSchema), message="Resumed.")
def resume_all() -> dict[str, dict[str, Any]]:
    """Resume every queue."""
    return {name: _switched(name) for name in actions.resume_all(caller())}


@blueprint.endpoint("POST", "/retry", ByName(CountSchema), message="Failed jobs requeued.")
def retry_all() -> dict[str, dict[str, int]]:
    """Requeue every failed job of every queue."""
    return {name: {"count": count} for name, count in actions.retry_all(caller()).items()}


schedules_blueprint = ApiBlueprint(
    "schedules-api", __name__, url_prefix="/api/v1/admin/schedules", description="Recurring jobs"
)


@schedules_blueprint.endpoint("GET", "", ScheduleSchema(many=True), message="All schedules.")
def list_schedules() -> list[ScheduleState]:
    """Every schedule, each with its newest run."""
    return list(reading.schedules().list())


@schedules_blueprint.endpoint(
    "POST", "", ScheduleDetailsSchema, status=201, body=NewSchedule, errors=(404, 409), message="Schedule created."
)
def add_schedule(new: dict[str, Any]) -> ScheduleState:
    """Create a schedule. An equal one is returned unchanged; another under an existing name is rejected."""
    return recurring.add(new.pop("name"), new, caller())


@schedules_blueprint.endpoint("GET", "/<name>", ScheduleDetailsSchema, errors=(404,), message="The schedule.")
def schedule(name: str) -> ScheduleState:
    """A schedule with its next five firings and its last runs."""
    return reading.schedules().get(name)


@schedules_blueprint.endpoint(
    "PATCH", "/<name>", ScheduleDetailsSchema, body=ScheduleChanges, errors=(404, 409), message="Schedule updated."
)
def edit_schedule(changes: dict[str, Any], name: str) -> ScheduleState:
    """Change a schedule's fields; `cron` takes the place of `every` and the other way round. 409 if it no longer has
    the `version` that is sent, with the stored values."""
    return recurring.edit(name, changes, caller(), changes.get("version"))


@schedules_blueprint.endpoint("POST", "/<name>/run", JobSchema, errors=(404,), message="Job enqueued.")
def run_schedule(name: str) -> Job:
    """Enqueue the schedule's job now, beside its own firings."""
    return recurring.run(name, caller())


@schedules_blueprint.endpoint("POST", "/<name>/pause", ScheduleDetailsSchema, errors=(404,), message="Schedule paused.")
def pause_schedule(name: str) -> ScheduleState:
    """Pause the schedule: nothing fires until it is resumed."""
    recurring.change("pause", name, caller())
    return reading.schedules().get(name)


@schedules_blueprint.endpoint(
    "POST", "/<name>/resume", ScheduleDetailsSchema, errors=(404,), message="Schedule resumed."
)
def resume_schedule(name: str) -> ScheduleState:
    """Resume the schedule, from its next time on."""
    recurring.change("resume", name, caller())
    return reading.schedules().get(name)


@schedules_blueprint.endpoint("DELETE", "/<name>", None, errors=(404, 409), message="Schedule removed.")
def remove_schedule(name: str) -> None:
    """Remove a schedule; one that is declared in code can only be paused (409)."""
    recurring.change("remove", name, caller())
