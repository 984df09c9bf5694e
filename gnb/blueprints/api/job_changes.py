"""`/api/v1/admin/jobs`: changes to one job. Those to queues are registered first: `/email/retry` is no job's id."""

from __future__ import annotations

from typing import Any

from gnb.blueprints.access import caller
from gnb.blueprints.api.job_requests import NewJob, NewPriority
from gnb.blueprints.api.jobs import blueprint
from gnb.extensions import engine
from gnb.queueing import Job
from gnb.services import job_actions
from gnb.services.job_schemas import JobSchema


@blueprint.endpoint(
    "POST", "/<queue>", JobSchema, status=201, body=NewJob, errors=(404,), message="The job is enqueued."
)
def enqueue(new: dict[str, Any], queue: str) -> Job:
    """Enqueue a job. With a `job_id` that is taken, the job that has it."""
    return job_actions.enqueue(queue, new["type"], new["data"], new["options"], caller())


@blueprint.endpoint("POST", "/<queue>/<job_id>/retry", JobSchema, errors=(404, 409), message="The job waits again.")
def retry_job(queue: str, job_id: str) -> Job:
    """Let a failed job wait again, with all its attempts."""
    job_actions.retry(queue, job_id, caller())
    return engine().queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/run-again", JobSchema, errors=(404, 409), message="The job waits again.")
def run_again(queue: str, job_id: str) -> Job:
    """Let a completed job wait again."""
    job_actions.run_again(queue, job_id, caller())
    return engine().queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/promote", JobSchema, errors=(404, 409), message="The job waits no more.")
def promote(queue: str, job_id: str) -> Job:
    """Let a delayed job run now."""
    job_actions.promote(queue, job_id, caller())
    return engine().queue(queue).job(job_id)


@blueprint.endpoint("POST", "/<queue>/<job_id>/stop", None, errors=(404, 409), message="The job is being stopped.")
def stop(queue: str, job_id: str) -> None:
    """Stop a running job; it is kept as failed."""
    job_actions.stop(queue, job_id, caller())


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
    job_actions.set_priority(queue, job_id, wanted["priority"], caller())
    return engine().queue(queue).job(job_id)


@blueprint.endpoint("DELETE", "/<queue>/<job_id>", None, errors=(404, 409), message="The job is gone.")
def remove_job(queue: str, job_id: str) -> None:
    """Remove a job; one that runs is stopped first."""
    job_actions.remove(queue, job_id, caller())
