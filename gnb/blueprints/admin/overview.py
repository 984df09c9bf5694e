"""The first page: is all well, and if not, where is it mended."""

from flask import render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.history import queue_spark
from gnb.blueprints.admin.presenters.needs import needs
from gnb.blueprints.admin.presenters.queue_state import queue_state
from gnb.blueprints.admin.reading import latest_failed
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
        needs=needs(all_stats, latest_failed(all_stats), reading.schedules().list()),
        completed=sum(point.completed or 0 for point in last_hour),
        failed=sum(point.failed or 0 for point in last_hour),
    )
