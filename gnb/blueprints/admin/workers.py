"""The workers: what each does, and how it has been doing."""

from flask import render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.services.queues import reading


@blueprint.get("/workers")
def workers() -> ResponseReturnValue:
    """Show every worker and the queues that have none."""
    found = sorted(reading.workers(), key=lambda worker: (worker.state != "busy", worker.queues, worker.name))
    served = {queue for worker in found for queue in worker.queues}
    names = reading.queue_names()
    return render_template(
        "admin/workers.html",
        live=True,
        workers=found,
        busy=sum(1 for worker in found if worker.job_id),
        without=[name for name in names if name not in served],
    )
