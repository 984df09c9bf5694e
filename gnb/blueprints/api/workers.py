"""`/api/v1/admin/workers`: who works, and at what."""

from __future__ import annotations

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.queueing import WorkerInfo
from gnb.services.queues import reading
from gnb.services.queues.schemas import WorkerSchema

blueprint = ApiBlueprint("workers-api", __name__, url_prefix="/api/v1/admin/workers", description="Worker processes")


@blueprint.endpoint("GET", "", WorkerSchema(many=True), message="All workers.")
def list_workers() -> list[WorkerInfo]:
    """Every registered worker."""
    return reading.workers()
