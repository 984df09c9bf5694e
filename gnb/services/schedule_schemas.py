"""Schedules as JSON, in the API and on the command line: camelCase names, times in epoch milliseconds."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from gnb.queueing import ScheduleState
from gnb.queueing.recurring.schedule import CATCH_UP
from gnb.services.cron_words import describe
from gnb.services.job_schemas import EpochMilliseconds, moment


class RunSchema(Schema):
    """One firing and what became of it."""

    jobId = fields.String(attribute="job_id", required=True)
    firedFor = moment("fired_for", "The time it was for")
    kind = fields.String(required=True, validate=validate.OneOf(("timer", "catch-up", "hand")))
    outcome = fields.String(required=True, metadata={"description": "A job's state, or removed."})
    startedAt = moment("started_at", "When its newest attempt began")
    finishedAt = moment("finished_at", "When it ended")
    duration = fields.Float(required=True, allow_none=True, metadata={"description": "Seconds."})
    error = fields.String(required=True, allow_none=True)


class ScheduleSchema(Schema):
    """A schedule at one moment, with its newest run."""

    name = fields.String(required=True)
    queue = fields.String(attribute="schedule.queue", required=True)
    type = fields.String(attribute="schedule.type", required=True)
    data = fields.Dict(attribute="schedule.data", keys=fields.String(), required=True)
    cron = fields.String(attribute="schedule.cron", required=True, allow_none=True)
    every = fields.Integer(
        attribute="schedule.every", required=True, allow_none=True, metadata={"description": "Seconds."}
    )
    tz = fields.String(attribute="schedule.tz", required=True)
    overlap = fields.Boolean(attribute="schedule.overlap", required=True)
    catchUp = fields.String(attribute="schedule.catch_up", required=True, validate=validate.OneOf(CATCH_UP))
    options = fields.Dict(attribute="schedule.options", keys=fields.String(), required=True)
    description = fields.Method("_describe", required=True, metadata={"type": "string"})
    paused = fields.Boolean(required=True)
    inCode = fields.Boolean(attribute="in_code", required=True)
    nextRun = moment("next_at", "When it fires next; null while it is paused")
    lastRun = moment("last_at", "When it fired last")
    fired = fields.Integer(required=True)
    skipped = fields.Integer(required=True, metadata={"description": "Left out because the run before went on."})
    missed = fields.Integer(required=True, metadata={"description": "Left out because no scheduler ran."})
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why it could not be fired."})
    runs = fields.List(fields.Nested(RunSchema), required=True, metadata={"description": "Newest first."})

    def _describe(self, state: ScheduleState) -> str:
        return describe(state.schedule, "en")


class ScheduleDetailsSchema(ScheduleSchema):
    """A schedule with its next five firings and its newest fifty runs."""

    upcoming = fields.List(EpochMilliseconds(), required=True)


class ScheduleFields(Schema):
    """What a schedule is made of: a type, and either `cron` with `tz` or `every`."""

    type = fields.String(validate=validate.Length(1, 100))
    queue = fields.String(validate=validate.Length(1, 50))
    data = fields.Dict(keys=fields.String())
    cron = fields.String(validate=validate.Length(1, 200), allow_none=True)
    every = fields.Raw(
        allow_none=True,
        metadata={
            "description": "Whole seconds, or a duration like 10m.",
            "oneOf": [{"type": "integer", "minimum": 1}, {"type": "string"}],
        },
    )
    tz = fields.String(validate=validate.Length(1, 100))
    overlap = fields.Boolean(truthy={True}, falsy={False})
    catch_up = fields.String(data_key="catchUp", validate=validate.OneOf(CATCH_UP))
    options = fields.Dict(keys=fields.String())


class NewSchedule(ScheduleFields):
    """A schedule to be made."""

    name = fields.String(required=True, validate=validate.Length(1, 100))
    type = fields.String(required=True, validate=validate.Length(1, 100))


def as_json(state: ScheduleState, *, details: bool = False) -> dict[str, Any]:
    """The schedule as the API answers it."""
    schema = ScheduleDetailsSchema() if details else ScheduleSchema()
    answer: dict[str, Any] = schema.dump(state)
    return answer
