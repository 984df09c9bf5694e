"""`/api/v1/admin/jobs/…` of single jobs, and `/api/v1/admin/workers`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from gnb.blueprints.api.endpoints import Alternative, ApiBlueprint
from gnb.blueprints.shared.access import caller
from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import LARGEST_INT, QueryNumber, WholeNumber
from gnb.queueing import STATES, Job, QueueStats, WorkerInfo
from gnb.services.queues import actions, reading
from gnb.services.queues.schemas import (
    EnqueuedJobSchema,
    JobDetailsSchema,
    JobPageSchema,
    JobSchema,
    QueueStatsSchema,
    WorkerSchema,
)

LONGEST_PAGE = 1000


_LATEST = 32_503_680_000_000
"""The year 3000 in epoch ms; the engine allows the next ten years."""
_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")


READABLE = validate.Regexp(r"[^\x00-\x1f\x7f\ud800-\udfff]*\Z", error="Contains control characters.")


JOB_ID = validate.Regexp(r"[A-Za-z0-9_-]{1,200}\Z", error="An id has 1 to 200 letters, digits, dashes and underscores.")


def position_field(**options: Any) -> QueryNumber:
    return QueryNumber(0, LARGEST_INT, **options)


def text_field(**options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(1, 200), READABLE], **options)


class JobQuery(LocalizedSchema):
    """Which jobs: the places [start, end) of a state, or with `q` those that contain the text."""

    state = fields.String(load_default="waiting", validate=validate.OneOf(STATES))
    start = position_field(load_default=0)
    end = position_field(
        metadata={"description": "Not included; ten after `start` unless said, at most 1,000 after it."}
    )
    q = text_field(
        metadata={
            "description": "A text in id, type, data, error or correlation id, in any case. "
            "At most `end - start` jobs are returned."
        }
    )
    cursor = position_field(
        load_default=0, metadata={"description": "Where a search goes on: the last answer's `cursor`."}
    )

    @validates_schema
    def _check_range(self, data: dict[str, Any], **_kwargs: Any) -> None:
        start, end = data["start"], data.get("end", data["start"])
        if end < start:
            raise ValidationError(make_message("invalid_field.end_before_start", end=str(end), start=str(start)), "end")
        if end - start > LONGEST_PAGE:
            raise ValidationError(make_message("invalid_field.most_jobs", most=LONGEST_PAGE), "end")


class NewJob(LocalizedSchema):
    """A job to enqueue."""

    type = fields.String(required=True, validate=[validate.Length(1, 100), READABLE])
    data = fields.Dict(keys=fields.String(), load_default=dict)
    options = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={
            "description": "priority, attempts, backoff, delay, timeout, jobId, deduplication, repeat, "
            "removeOnComplete, removeOnFail, dependsOn (an id or several), onParentFailure (wait, run or cancel), "
            "onSuccess and onFailure (a job type, or queue/type); durations in seconds. Also with underscores, as "
            "in Python."
        },
    )

    @post_load
    def _name_options(self, new: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        options = {_CAPITAL.sub(lambda found: f"_{found[0].lower()}", name): v for name, v in new["options"].items()}
        return {**new, "options": options}


class NewPriority(LocalizedSchema):
    """The new priority of a job."""

    priority = WholeNumber(1, 10, required=True)


class NewTime(LocalizedSchema):
    """When a delayed job is to run: at `runAt`, or in `delay`."""

    run_at = fields.Integer(
        data_key="runAt",
        strict=True,
        validate=validate.Range(0, _LATEST),
        metadata={"description": "In epoch ms."},
    )
    delay = fields.Raw(
        metadata={
            "description": "Seconds from now, or a duration like 15m.",
            "oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
        },
    )

    @validates_schema
    def _check_one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len(data) != 1:
            raise ValidationError(make_message("invalid_field.run_at"), "runAt")


blueprint = ApiBlueprint("jobs-api", __name__, url_prefix="/api/v1/admin/jobs", description="Queues and their jobs")


@blueprint.endpoint("GET", "/stats", QueueStatsSchema(many=True), message="All queues.")
def all_stats() -> list[QueueStats]:
    """The counts of every queue."""
    return reading.all_stats()


@blueprint.endpoint("GET", "/<queue>/stats", QueueStatsSchema, errors=(404,), message="The queue.")
def stats(queue: str) -> QueueStats:
    """The counts of one queue."""
    return reading.stats(queue)


@blueprint.endpoint("GET", "/<queue>/jobs", JobPageSchema, query=JobQuery, errors=(404,), message="The jobs.")
def list_jobs(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """The jobs of a state, by place or by search.

    Waiting jobs come in the order they will run, delayed ones by time, active ones by start, deferred ones by creation,
    ended ones newest first.
    A search takes less than a second a request; while its `cursor` is not null, send it in the next request to go on.
    """
    start, end = wanted["start"], wanted.get("end", wanted["start"] + 10)
    return reading.page(queue, wanted["state"], start, end, wanted.get("q", ""), wanted["cursor"])


@blueprint.endpoint("GET", "/<queue>/<job_id>", JobDetailsSchema, errors=(404,), message="The job.")
def job(queue: str, job_id: str) -> dict[str, Any]:
    """One job with its attempts, logs and options, the jobs that it depends on and those that depend on it."""
    return reading.details(queue, job_id)


@blueprint.endpoint(
    "POST",
    "/<queue>",
    EnqueuedJobSchema,
    status=201,
    body=NewJob,
    errors=(404, 409),
    message="Job enqueued.",
    also={200: "No job was enqueued: this one has the id, or holds the deduplication id."},
)
def enqueue(new: dict[str, Any], queue: str) -> Job | Alternative:
    """Enqueue a job.

    Where a job of this type has the `job_id`, or holds the `deduplication` id, the status is 200 and the answer is that
    job; 409 if the one with the `job_id` is of another type or queue.
    """
    job = actions.enqueue(queue, new["type"], new["data"], new["options"], caller())
    return Alternative(200, job) if job.deduplicated else job


@blueprint.endpoint("POST", "/<queue>/<job_id>/retry", JobSchema, errors=(404, 409), message="Job requeued.")
def retry_job(queue: str, job_id: str) -> Job:
    """Requeue a failed job, with its attempts reset."""
    actions.change_job("retry", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/run-again", JobSchema, errors=(404, 409), message="Job requeued.")
def run_again(queue: str, job_id: str) -> Job:
    """Requeue a completed job, which does its work again."""
    actions.change_job("run-again", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/promote", JobSchema, errors=(404, 409), message="Job promoted.")
def promote(queue: str, job_id: str) -> Job:
    """Move a delayed job to waiting, or a deferred one without waiting for others."""
    actions.change_job("promote", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/stop", None, errors=(404, 409), message="Stopping the job.")
def stop(queue: str, job_id: str) -> None:
    """Stop a running job; it is kept as failed."""
    actions.change_job("stop", queue, job_id, caller())


@blueprint.endpoint(
    "POST",
    "/<queue>/<job_id>/priority",
    JobSchema,
    body=NewPriority,
    errors=(404, 409),
    message="Priority changed.",
)
def set_priority(wanted: dict[str, Any], queue: str, job_id: str) -> Job:
    """Change the priority of a waiting, delayed or deferred job."""
    actions.set_priority(queue, job_id, wanted["priority"], caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint(
    "POST",
    "/<queue>/<job_id>/reschedule",
    JobSchema,
    body=NewTime,
    errors=(404, 409),
    message="Job rescheduled.",
)
def reschedule(wanted: dict[str, Any], queue: str, job_id: str) -> Job:
    """Reschedule a delayed job."""
    run_at = wanted.get("run_at")
    when = wanted["delay"] if run_at is None else datetime.fromtimestamp(run_at / 1000, UTC)
    actions.reschedule(queue, job_id, when, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("DELETE", "/<queue>/<job_id>", None, errors=(404, 409), message="Job removed.")
def remove_job(queue: str, job_id: str) -> None:
    """Remove a job; an active one is stopped first."""
    actions.change_job("remove", queue, job_id, caller())


workers_blueprint = ApiBlueprint(
    "workers-api", __name__, url_prefix="/api/v1/admin/workers", description="Worker processes"
)


@workers_blueprint.endpoint("GET", "", WorkerSchema(many=True), message="All workers.")
def list_workers() -> list[WorkerInfo]:
    """Every registered worker."""
    return reading.workers()


@workers_blueprint.endpoint("POST", "/<path:name>/quiet", None, errors=(404,), message="The worker is quiet.")
def quiet_worker(name: str) -> None:
    """Let a worker finish its job and start no other."""
    actions.change_worker("quiet", name, caller())


@workers_blueprint.endpoint("POST", "/<path:name>/resume", None, errors=(404,), message="The worker starts jobs again.")
def resume_worker(name: str) -> None:
    """Let a quiet worker start jobs again."""
    actions.change_worker("resume", name, caller())


@workers_blueprint.endpoint("POST", "/<path:name>/shut-down", None, errors=(404,), message="Shutting down the worker.")
def shut_down_worker(name: str) -> None:
    """Shut down the `rq worker` command of a worker with all its processes; their jobs end or are released first."""
    actions.change_worker("shut-down", name, caller())
