"""The page of one job type: how it has been doing lately, from the jobs of it that are kept."""

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.history import type_plots
from gnb.blueprints.admin.presenters.type_figures import type_figures
from gnb.services.queues import reading

# The figures are of so many of the latest runs at most.
LATEST_RUNS = 200


@blueprint.get("/jobs/<queue_name>/types/<type_name>")
def job_type(queue_name: str, type_name: str) -> ResponseReturnValue:
    """Show the throughput, failures, durations and waits of the type, its slowest runs and latest errors."""
    queue = reading.queue(queue_name)
    declared = reading.job_types(queue.name).get(type_name)
    if declared is None:
        abort(404)
    completed = _latest(queue_name, "completed", type_name)
    failed = _latest(queue_name, "failed", type_name)
    points = queue.history(minutes=60)
    ended = [point.counts.outcomes for point in points]
    return render_template(
        "admin/job_type.html",
        live=True,
        queue_name=queue.name,
        job_type=declared,
        figures=type_figures(completed, failed),
        completed_last_hour=sum(outcomes.get((type_name, "completed"), 0) for outcomes in ended),
        failed_last_hour=sum(outcomes.get((type_name, "failed"), 0) for outcomes in ended),
        plots=type_plots(points, type_name),
    )


def _latest(queue_name: str, state: str, type_name: str) -> list[object]:
    page = reading.queue(queue_name).search(state, type_name, limit=LATEST_RUNS)
    return [found for found in page.jobs if found.name == type_name]
