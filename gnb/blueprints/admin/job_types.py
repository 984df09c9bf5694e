"""The page of one job type: its throughput in the last hour, and figures of its kept jobs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, render_template, url_for
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.plots import type_plots
from gnb.blueprints.shared.formatting import elapsed
from gnb.services.queues import reading

# The figures are of at most 200 completed and 200 failed runs, found among the latest 1,000 jobs of each state.
LATEST_RUNS = 200
SEARCHED = 1000


@blueprint.get("/jobs/<queue_name>/types/<type_name>")
def job_type(queue_name: str, type_name: str) -> ResponseReturnValue:
    """Show the throughput, failures, durations and waiting times of the type, its slowest runs and latest errors."""
    queue = reading.queue(queue_name)
    declared = reading.job_types(queue.name).get(type_name)
    if declared is None:
        abort(404)
    completed, failed = (queue.latest(state, type_name, LATEST_RUNS, SEARCHED) for state in ("completed", "failed"))
    points = queue.history(60)
    ended = [point.counts.outcomes for point in points]
    return render_template(
        "admin/job_type.html",
        live=True,
        queue_name=queue.name,
        job_type=declared,
        figures=type_figures(completed, failed),
        runs=LATEST_RUNS,
        searched=SEARCHED,
        completed_last_hour=sum(outcomes.get((type_name, "completed"), 0) for outcomes in ended),
        failed_last_hour=sum(outcomes.get((type_name, "failed"), 0) for outcomes in ended),
        plots=type_plots(points, type_name, url_for("admin.queue", queue_name=queue.name)),
    )


BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True)
class Bar:
    """One bar of a distribution: how many took at most ``up_to`` seconds (None: longer than all before)."""

    up_to: float | None
    count: int


@dataclass(frozen=True)
class TypeFigures:
    """What the page of a job type shows; durations and waits in seconds, None where nothing has run."""

    duration_p50: float | None
    duration_p95: float | None
    wait_p50: float | None
    wait_p95: float | None
    durations: tuple[Bar, ...]
    waits: tuple[Bar, ...]
    slowest: tuple[tuple[Any, float], ...]
    latest_errors: tuple[Any, ...]


def type_figures(completed: Sequence[Any], failed: Sequence[Any]) -> TypeFigures:
    """Return the figures of these runs, newest first."""
    timed = [(job, elapsed(job.started_at, job.finished_at) or 0.0) for job in completed if job.started_at]
    durations = sorted(seconds for _, seconds in timed)
    waits = sorted(elapsed(job.created_at, job.started_at) or 0.0 for job, _ in timed if job.created_at)
    return TypeFigures(
        duration_p50=_percentile(durations, 0.5),
        duration_p95=_percentile(durations, 0.95),
        wait_p50=_percentile(waits, 0.5),
        wait_p95=_percentile(waits, 0.95),
        durations=_distribution(durations),
        waits=_distribution(waits),
        slowest=tuple(sorted(timed, key=lambda pair: -pair[1])[:8]),
        latest_errors=tuple(failed[:8]),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _distribution(values: Sequence[float]) -> tuple[Bar, ...]:
    if not values:
        return ()
    found = Counter(next((limit for limit in BUCKETS if value <= limit), None) for value in values)
    return tuple(Bar(limit, found[limit]) for limit in (*BUCKETS, None))
