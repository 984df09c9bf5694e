"""The last hour or day of a queue as plots."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from flask_babel import gettext

from gnb.blueprints.admin.presenters.numbers import number
from gnb.blueprints.admin.presenters.plots import Plot, Series, Spark, line_plot, spark
from gnb.blueprints.admin.presenters.times import duration

POINTS = 96


def queue_plots(points: Sequence[Any]) -> list[Plot]:
    """Return depth, throughput, duration and waiting time, from one point a minute, oldest first."""
    groups = _groups(points)
    at = [group[-1].at for group in groups]
    return [
        line_plot(
            gettext("Depth"),
            at,
            [
                Series(gettext("waiting"), _each(groups, attrgetter("waiting"), max), "first"),
                Series(gettext("delayed"), _each(groups, attrgetter("delayed"), max), "second"),
                Series(gettext("failed"), _each(groups, attrgetter("failed_total"), max), "third"),
            ],
            number,
        ),
        line_plot(
            gettext("Throughput"),
            at,
            [
                Series(gettext("completed"), _each(groups, attrgetter("completed"), sum), "first"),
                Series(gettext("failed"), _each(groups, attrgetter("failed"), sum), "third"),
            ],
            number,
        ),
        _percentiles(gettext("Duration"), lambda point, share: point.duration(share), groups, at),
        _percentiles(gettext("Waiting time"), lambda point, share: point.wait(share), groups, at),
    ]


def type_plots(points: Sequence[Any], job_type: str) -> list[Plot]:
    """Return throughput and duration of one job type."""
    groups = _groups(points)
    at = [group[-1].at for group in groups]

    def ended(*outcomes: str) -> list[float | None]:
        keys = [(job_type, outcome) for outcome in outcomes]
        return [float(sum(point.counts.outcomes.get(key, 0) for point in group for key in keys)) for group in groups]

    return [
        line_plot(
            gettext("Throughput"),
            at,
            [
                Series(gettext("completed"), ended("completed"), "first"),
                Series(gettext("failed"), ended("failed", "stopped"), "third"),
            ],
            number,
        ),
        _percentiles(gettext("Duration"), lambda point, share: point.duration(share, job_type), groups, at),
    ]


def queue_spark(points: Sequence[Any]) -> Spark:
    """Return the sparkline of the last hour."""
    return spark([point.completed or 0 for point in points], [point.failed or 0 for point in points])


def _percentiles(
    title: str, measure: Callable[[Any, float], float | None], groups: list[list[Any]], at: list[Any]
) -> Plot:
    median = Series(gettext("half are faster"), _each(groups, lambda point: measure(point, 0.5), _middle), "first")
    slow = Series(gettext("95 of 100 are faster"), _each(groups, lambda point: measure(point, 0.95), max), "second")
    return line_plot(title, at, [median, slow], duration)


def _groups(points: Sequence[Any]) -> list[list[Any]]:
    """Return the points in at most ``POINTS`` runs of neighbours."""
    size = max(1, -(-len(points) // POINTS))
    return [list(points[start : start + size]) for start in range(0, len(points), size)]


def _each(
    groups: list[list[Any]], read: Callable[[Any], float | None], fold: Callable[[list[float]], float]
) -> list[float | None]:
    known = ([value for point in group if (value := read(point)) is not None] for group in groups)
    return [fold(values) if values else None for values in known]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
