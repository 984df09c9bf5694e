"""Jobs, queues, workers and schedules as JSON, in the API and on the command line.

Names are camelCase, times in epoch milliseconds, durations in seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from gnb.messages import LocalizedSchema
from gnb.messages.schema import JsonBoolean
from gnb.queueing import STATES, QueueStats, ScheduleState
from gnb.queueing.recurring.schedule import CATCH_UP
from gnb.services.queues.recurring import describe, version_of


class EpochMilliseconds(fields.Integer):
    """An aware datetime as whole milliseconds since the epoch; None becomes null."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return round(value.timestamp() * 1000) if isinstance(value, datetime) else None


def moment(attribute: str, description: str) -> EpochMilliseconds:
    return EpochMilliseconds(
        attribute=attribute, required=True, allow_none=True, metadata={"description": f"{description}, in epoch ms."}
    )


class JobSchema(Schema):
    """A job in a list."""

    id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "The job's type."})
    queue = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    data = fields.Dict(keys=fields.String(), required=True)
    progress = fields.Float(attribute="progress.percent", required=True, metadata={"description": "0 to 100."})
    progressMessage = fields.String(attribute="progress.message", required=True)
    priority = fields.Integer(required=True, metadata={"description": "1 (first) to 10."})
    attemptsMade = fields.Integer(attribute="attempts_made", required=True)
    attemptsLimit = fields.Integer(attribute="attempts_limit", required=True)
    timestamp = moment("created_at", "When it was made")
    processedOn = moment("started_at", "When its newest attempt began")
    finishedOn = moment("finished_at", "When it ended")
    runAt = moment("run_at", "When a delayed job is due")
    held = fields.Boolean(
        required=True,
        metadata={"description": "Delayed since the rate limit of its key is used up, such as its recipient's."},
    )
    failedReason = fields.String(attribute="failed_reason", required=True, allow_none=True)
    returnvalue = fields.Raw(attribute="return_value", required=True, allow_none=True)
    worker = fields.String(required=True, allow_none=True, metadata={"description": "Who runs it now."})
    dependsOn = fields.List(
        fields.String(), attribute="depends_on", required=True, metadata={"description": "The ids of its parents."}
    )


class EnqueuedJobSchema(JobSchema):
    """The job that an enqueueing made, or the one that has its id or holds its deduplication id."""

    state = fields.String(
        required=True,
        validate=validate.OneOf((*STATES, "removed")),
        metadata={"description": "removed: the job that holds the deduplication id has ended and is no longer kept."},
    )
    deduplicated = fields.Boolean(required=True, metadata={"description": "Whether no job was made."})


class AttemptSchema(Schema):
    """One run of a job."""

    number = fields.Integer(required=True)
    start = moment("started_at", "When it began")
    end = moment("ended_at", "When it ended")
    worker = fields.String(required=True)
    outcome = fields.String(required=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "The error with its stack."})


class RelatedJobSchema(Schema):
    """A job that another depends on, or that depends on it."""

    id = fields.String(required=True)
    queue = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "The job's type."})
    state = fields.String(required=True, metadata={"description": "A job's state, or removed."})
    failedReason = fields.String(attribute="error", required=True, allow_none=True)


class JobDetailsSchema(JobSchema):
    """A job with everything that is known about it."""

    stacktrace = fields.List(fields.String(), required=True, metadata={"description": "Newest attempt first."})
    opts = fields.Dict(keys=fields.String(), required=True)
    logs = fields.List(fields.String(), required=True, metadata={"description": "Oldest line first."})
    attempts = fields.List(fields.Nested(AttemptSchema), required=True, metadata={"description": "Newest first."})
    parents = fields.List(
        fields.Nested(RelatedJobSchema), required=True, metadata={"description": "The jobs that it depends on."}
    )
    dependents = fields.List(
        fields.Nested(RelatedJobSchema), required=True, metadata={"description": "Jobs that depend on it, 100 at most."}
    )


class JobPageSchema(Schema):
    """Some jobs of one state."""

    queue = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    jobs = fields.List(fields.Nested(JobSchema), required=True)
    count = fields.Integer(required=True, metadata={"description": "How many jobs are in this answer."})
    total = fields.Integer(required=True, metadata={"description": "How many jobs have the state."})
    cursor = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Where a search goes on; null when every job was looked at."},
    )


class RetentionSchema(Schema):
    """How long, in seconds, and how many ended jobs are kept; null: without that limit."""

    age = fields.Float(required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)


class QueueStatsSchema(Schema):
    """The counts of a queue at one moment."""

    name = fields.String(required=True)
    waiting = fields.Integer(required=True)
    active = fields.Integer(required=True)
    completed = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    delayed = fields.Integer(required=True)
    deferred = fields.Integer(required=True, metadata={"description": "Jobs that wait for others."})
    total = fields.Integer(required=True)
    paused = fields.Boolean(required=True)
    suspended = fields.Boolean(
        required=True, metadata={"description": "Whether `rq suspend` holds all queues, until `rq resume`."}
    )
    workers = fields.Integer(required=True)
    busy = fields.Integer(required=True)
    quiet = fields.Integer(required=True, metadata={"description": "Workers that run no job and start none."})
    rateLimit = fields.String(attribute="rate_limit", required=True)
    concurrencyLimit = fields.String(
        attribute="concurrency_limit",
        required=True,
        metadata={"description": "How many jobs may run at once over all workers; none: any number."},
    )
    removeOnComplete = fields.Nested(RetentionSchema, attribute="remove_on_complete", required=True)
    removeOnFail = fields.Nested(RetentionSchema, attribute="remove_on_fail", required=True)
    setAtRunTime = fields.Method(
        "_set_at_run_time",
        required=True,
        metadata={
            "type": "array",
            "items": {"type": "string", "description": "One of the limits and retentions that is not as configured."},
        },
    )
    oldestWaitingSeconds = fields.Float(attribute="oldest_waiting_seconds", required=True, allow_none=True)
    processedCompleted = fields.Integer(attribute="processed_completed", required=True)
    processedFailed = fields.Integer(attribute="processed_failed", required=True)
    retries = fields.Integer(required=True)
    stalled = fields.Integer(required=True)
    deduplicated = fields.Integer(required=True, metadata={"description": "Jobs not made, as another held their id."})
    held = fields.Integer(required=True, metadata={"description": "Jobs delayed for the rate limit of their key."})

    def _set_at_run_time(self, stats: QueueStats) -> list[str]:
        return [name for name, each in self.fields.items() if each.attribute in stats.set_at_run_time]


class WorkerSchema(Schema):
    """A worker process at one moment."""

    name = fields.String(required=True)
    queues = fields.List(fields.String(), required=True)
    state = fields.String(required=True)
    jobId = fields.String(attribute="job_id", required=True, allow_none=True)
    jobQueue = fields.String(attribute="job_queue", required=True, allow_none=True)
    jobSince = moment("job_since", "When it began its job")
    pid = fields.Integer(required=True, allow_none=True)
    hostname = fields.String(required=True)
    birth = moment("birth", "When it started")
    heartbeat = moment("heartbeat", "When it last gave a sign of life")
    completed = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    workingSeconds = fields.Float(attribute="working_seconds", required=True)
    quiet = fields.Boolean(required=True, metadata={"description": "Whether it starts no further job."})
    supervisor = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The process id of the `rq worker` command; its workers are shut down together."},
    )
    memoryBytes = fields.Integer(attribute="memory_bytes", required=True, allow_none=True)
    jobsPerMinute = fields.Float(
        attribute="jobs_per_minute",
        required=True,
        allow_none=True,
        metadata={"description": "In its last whole minute, or since its start if it is younger."},
    )
    codeVersion = fields.String(
        attribute="code_version", required=True, metadata={"description": "A digest of the code that it runs."}
    )


class RunSchema(Schema):
    """One firing of a schedule and the outcome of its job."""

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
    version = fields.Function(lambda state: version_of(state.schedule), required=True, metadata={"type": "string"})
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


class ScheduleFields(LocalizedSchema):
    """The fields of a schedule: a type, and either `cron` with `tz`, or `every`."""

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
    overlap = JsonBoolean()
    catch_up = fields.String(data_key="catchUp", validate=validate.OneOf(CATCH_UP))
    options = fields.Dict(keys=fields.String())


class ScheduleChanges(ScheduleFields):
    """Fields of a schedule to change."""

    version = fields.String(
        validate=validate.Length(1, 64),
        metadata={"description": "The version that was read: 409 if it is another now."},
    )


class NewSchedule(ScheduleFields):
    """A schedule to create."""

    name = fields.String(required=True, validate=validate.Length(1, 100))
    type = fields.String(required=True, validate=validate.Length(1, 100))


def as_json(state: ScheduleState, *, details: bool = False) -> dict[str, Any]:
    """Return the schedule as the API returns it."""
    answer: dict[str, Any] = (ScheduleDetailsSchema() if details else ScheduleSchema()).dump(state)
    return answer
