"""`/api/v1/admin/jobs`: looking at the queues and their jobs; job_changes.py and queue_changes.py change them."""

from __future__ import annotations

from typing import Any

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.job_requests import JobQuery
from gnb.queueing import QueueStats
from gnb.services.queues import reading
from gnb.services.queues.schemas import JobDetailsSchema, JobPageSchema, QueueStatsSchema

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

    Waiting jobs come in the order they will run, delayed ones by time, active ones by start, ended ones newest first.
    A search looks at some thousand jobs a request; while its `cursor` is not null, ask again with it for more.
    """
    start, end = wanted["start"], wanted.get("end", wanted["start"] + 10)
    return reading.page(queue, wanted["state"], start, end, wanted.get("q", ""), wanted["cursor"])


@blueprint.endpoint("GET", "/<queue>/<job_id>", JobDetailsSchema, errors=(404,), message="The job.")
def job(queue: str, job_id: str) -> dict[str, Any]:
    """One job with its attempts, logs and options."""
    return reading.details(queue, job_id)
