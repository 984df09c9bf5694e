"""Jobs, queues and workers as JSON, in the API and on the command line: camelCase
names, times in epoch milliseconds, durations in seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from gnb.queueing import STATES


class EpochMilliseconds(fields.Integer):
    """An aware datetime as whole milliseconds since the epoch, null where there is none."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return round(value.timestamp() * 1000) if isinstance(value, datetime) else None


def moment(attribute: str, description: str) -> EpochMilliseconds:
    return EpochMilliseconds(
        attribute=attribute, required=True, allow_none=True, metadata={"description": f"{description}, in epoch ms."}
    )


class JobSchema(Schema):
    """A job as it stands in a list."""

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
    failedReason = fields.String(attribute="failed_reason", required=True, allow_none=True)
    returnvalue = fields.Raw(attribute="return_value", required=True, allow_none=True)
    worker = fields.String(required=True, allow_none=True, metadata={"description": "Who runs it now."})


class AttemptSchema(Schema):
    """One run of a job."""

    number = fields.Integer(required=True)
    start = moment("started_at", "When it began")
    end = moment("ended_at", "When it ended")
    worker = fields.String(required=True)
    outcome = fields.String(required=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "The error with its stack."})


class JobDetailsSchema(JobSchema):
    """A job with all that is known of it."""

    stacktrace = fields.List(fields.String(), required=True, metadata={"description": "Newest attempt first."})
    opts = fields.Dict(keys=fields.String(), required=True)
    logs = fields.List(fields.String(), required=True, metadata={"description": "Oldest line first."})
    attempts = fields.List(fields.Nested(AttemptSchema), required=True, metadata={"description": "Newest first."})


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


class QueueStatsSchema(Schema):
    """A queue at one moment."""

    name = fields.String(required=True)
    waiting = fields.Integer(required=True)
    active = fields.Integer(required=True)
    completed = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    delayed = fields.Integer(required=True)
    total = fields.Integer(required=True)
    paused = fields.Boolean(required=True)
    workers = fields.Integer(required=True)
    busy = fields.Integer(required=True)
    rateLimit = fields.String(attribute="rate_limit", required=True)
    oldestWaitingSeconds = fields.Float(attribute="oldest_waiting_seconds", required=True, allow_none=True)
    processedCompleted = fields.Integer(attribute="processed_completed", required=True)
    processedFailed = fields.Integer(attribute="processed_failed", required=True)
    retries = fields.Integer(required=True)
    stalled = fields.Integer(required=True)


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
    memoryBytes = fields.Integer(attribute="memory_bytes", required=True, allow_none=True)
