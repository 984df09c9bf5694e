"""`/api/v1/admin/workers`: who works, and at what."""

from __future__ import annotations

from marshmallow import Schema, fields

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.job_schemas import moment
from gnb.extensions import engine
from gnb.queueing import WorkerInfo

blueprint = ApiBlueprint("workers-api", __name__, url_prefix="/api/v1/admin/workers", description="Worker processes")


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


@blueprint.endpoint("GET", "", WorkerSchema(many=True), message="All workers.")
def list_workers() -> list[WorkerInfo]:
    """Every registered worker."""
    return engine().workers()
