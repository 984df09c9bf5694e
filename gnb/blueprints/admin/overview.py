"""The first page: is all well, and if not, where is it mended."""

from flask import render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.alerts import alerts, latest_failed, queue_state
from gnb.blueprints.admin.plots import queue_spark
from gnb.services.queues import reading


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    """Show a line a queue, and above it what needs someone."""
    all_stats = reading.all_stats()
    points = reading.histories()
    last_hour = [point for history in points.values() for point in history]
    return render_template(
        "admin/overview.html",
        live=True,
        all_stats=all_stats,
        states={stats.name: queue_state(stats) for stats in all_stats},
        sparks={name: queue_spark(history) for name, history in points.items()},
        alerts=alerts(all_stats, latest_failed(all_stats), reading.schedules().list()),
        completed=sum(point.completed or 0 for point in last_hour),
        failed=sum(point.failed or 0 for point in last_hour),
    )


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
