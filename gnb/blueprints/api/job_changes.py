"""`/api/v1/admin/jobs`: changes to one job. Those to queues are registered first: `/email/retry` is no job's id."""

from __future__ import annotations

from typing import Any

from gnb.blueprints.access import caller
from gnb.blueprints.api.job_requests import NewJob, NewPriority
from gnb.blueprints.api.jobs import blueprint
from gnb.queueing import Job
from gnb.services.queues import actions, reading
from gnb.services.queues.schemas import JobSchema


@blueprint.endpoint(
    "POST", "/<queue>", JobSchema, status=201, body=NewJob, errors=(404,), message="The job is enqueued."
)
def enqueue(new: dict[str, Any], queue: str) -> Job:
    """Enqueue a job. With a `job_id` that is taken, the job that has it."""
    return actions.enqueue(queue, new["type"], new["data"], new["options"], caller())


@blueprint.endpoint("POST", "/<queue>/<job_id>/retry", JobSchema, errors=(404, 409), message="The job waits again.")
def retry_job(queue: str, job_id: str) -> Job:
    """Let a failed job wait again, with all its attempts."""
    actions.change_job("retry", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/run-again", JobSchema, errors=(404, 409), message="The job waits again.")
def run_again(queue: str, job_id: str) -> Job:
    """Let a completed job wait again."""
    actions.change_job("run-again", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/promote", JobSchema, errors=(404, 409), message="The job waits no more.")
def promote(queue: str, job_id: str) -> Job:
    """Let a delayed job run now."""
    actions.change_job("promote", queue, job_id, caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/stop", None, errors=(404, 409), message="The job is being stopped.")
def stop(queue: str, job_id: str) -> None:
    """Stop a running job; it is kept as failed."""
    actions.change_job("stop", queue, job_id, caller())


@blueprint.endpoint(
    "POST",
    "/<queue>/<job_id>/priority",
    JobSchema,
    body=NewPriority,
    errors=(404, 409),
    message="The job waits with its new priority.",
)
def set_priority(wanted: dict[str, Any], queue: str, job_id: str) -> Job:
    """Let a waiting or delayed job wait with another priority."""
    actions.set_priority(queue, job_id, wanted["priority"], caller())
    return reading.queue(queue).job(job_id)


@blueprint.endpoint("DELETE", "/<queue>/<job_id>", None, errors=(404, 409), message="The job is gone.")
def remove_job(queue: str, job_id: str) -> None:
    """Remove a job; one that runs is stopped first."""
    actions.change_job("remove", queue, job_id, caller())
