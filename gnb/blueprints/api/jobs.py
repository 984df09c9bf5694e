"""`/api/v1/admin/jobs`: looking at the queues and their jobs; job_changes.py and queue_changes.py change them."""

from __future__ import annotations

from typing import Any

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.job_requests import JobQuery
from gnb.blueprints.api.job_schemas import (
    JobDetailsSchema,
    JobPageSchema,
    QueueStatsSchema,
    effective_options,
)
from gnb.extensions import engine
from gnb.queueing import QueueStats

blueprint = ApiBlueprint("jobs-api", __name__, url_prefix="/api/v1/admin/jobs", description="Queues and their jobs")


@blueprint.endpoint("GET", "/stats", QueueStatsSchema(many=True), message="All queues.")
def all_stats() -> list[QueueStats]:
    """The counts of every queue."""
    return engine().stats()


@blueprint.endpoint("GET", "/<queue>/stats", QueueStatsSchema, errors=(404,), message="The queue.")
def stats(queue: str) -> QueueStats:
    """The counts of one queue."""
    name = engine().queue(queue).name
    return next(stats for stats in engine().stats() if stats.name == name)


@blueprint.endpoint("GET", "/<queue>/jobs", JobPageSchema, query=JobQuery, errors=(404,), message="The jobs.")
def list_jobs(wanted: dict[str, Any], queue: str) -> dict[str, Any]:
    """The jobs of a state, by place or by search.

    Waiting jobs come in the order they will run, delayed ones by time, active ones by start, ended ones newest first.
    A search looks at some thousand jobs a request; while its `cursor` is not null, ask again with it for more.
    """
    state, start = wanted["state"], wanted["start"]
    end = wanted.get("end", start + 10)
    reader = engine().queue(queue)
    if "q" in wanted and end > start:
        page = reader.search(state, wanted["q"], cursor=wanted["cursor"], limit=end - start)
    else:
        page = reader.jobs(state, start, end)
    jobs = reader.with_return_values(page.jobs)
    return {
        "queue": reader.name,
        "state": state,
        "jobs": jobs,
        "count": len(jobs),
        "total": page.total,
        "cursor": page.cursor,
    }


@blueprint.endpoint("GET", "/<queue>/<job_id>", JobDetailsSchema, errors=(404,), message="The job.")
def job(queue: str, job_id: str) -> dict[str, Any]:
    """One job with its attempts, logs and options."""
    reader = engine().queue(queue)
    found, attempts = reader.job_and_attempts(job_id)
    more = {
        "stacktrace": found.stacktrace,
        "opts": effective_options(found),
        "logs": reader.logs(job_id),
        "attempts": attempts,
    }
    return {**vars(found), **more}
