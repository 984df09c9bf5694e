"""Plots drawn by the server: geometry for SVG, figures for the pointer, one sentence for those who cannot see it."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from flask_babel import get_timezone, gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.shared.formatting import duration, number

WIDTH, HEIGHT = 600.0, 100.0


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name and a value a point (None where nothing is known)."""

    name: str
    values: Sequence[float | None]
    css: str = "first"


@dataclass(frozen=True)
class Plot:
    """What the template needs to draw: see `_macros/plots.html`."""

    title: str
    lines: tuple[tuple[Series, str], ...]
    area: str
    top: str
    sentence: str
    tips: str
    start: str
    end: str


def line_plot(title: str, at: Sequence[datetime], series: Sequence[Series], say: Callable[[float], str]) -> Plot:
    """Return a plot of ``series`` over the moments ``at``; ``say`` words a value (number, duration)."""
    top = _ceiling(max((value or 0 for one in series for value in one.values), default=0))
    # A line that lies on the axis all the time says nothing; in the colour of failures it would look like one.
    lines = tuple((one, _path(one.values, top) if any(one.values) else "") for one in series)
    drawn = any(path for _, path in lines)
    return Plot(
        title=title,
        lines=lines,
        area=_area(series[0].values, top) if drawn else "",
        top=say(top) if drawn else "",
        sentence=_sentence(title, series, say),
        tips=json.dumps(_tips(at, series, say), ensure_ascii=False),
        start=clock(at[0]) if at else "",
        end=clock(at[-1]) if at else "",
    )


def clock(moment: datetime) -> str:
    """Return the time of day of a point."""
    return f"{moment.astimezone(get_timezone()):%H:%M}"


def _ceiling(value: float) -> float:
    """Return a round number at or above ``value``, so that the top of the plot reads well."""
    if value <= 0:
        return 1.0
    magnitude = 1.0
    while magnitude * 10 <= value:
        magnitude *= 10
    while magnitude > value:
        magnitude /= 10
    return next(step * magnitude for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * magnitude >= value)


def _points(values: Sequence[float | None], top: float) -> list[tuple[float, float] | None]:
    step = WIDTH / max(1, len(values) - 1)
    return [None if v is None else (i * step, HEIGHT - min(1.0, v / top) * (HEIGHT - 4)) for i, v in enumerate(values)]


def _path(values: Sequence[float | None], top: float) -> str:
    """Return an SVG path; a gap in the values lifts the pen."""
    commands, pen_down = [], False
    for point in _points(values, top):
        if point is not None:
            # A step of nothing after the move: a point between two gaps shows as a dot.
            commands.append(f"{'L' if pen_down else 'M'}{point[0]:.1f} {point[1]:.1f}" + ("" if pen_down else "h0"))
        pen_down = point is not None
    return "".join(commands)


@blueprint.app_template_filter()
def lone_points(path: str) -> str:
    """Return the points of a path between two gaps, which are drawn larger so that they are seen."""
    return "".join(re.findall(r"M[\d.]+ [\d.]+h0(?=M|$)", path))


def _area(values: Sequence[float | None], top: float) -> str:
    points = _points(values, top)
    if any(point is None for point in points) or not points:
        return ""  # with gaps the line alone says what is known
    middle = "".join(f"L{x:.1f} {y:.1f}" for x, y in filter(None, points))
    return f"M0 {HEIGHT:.0f}{middle}L{WIDTH:.0f} {HEIGHT:.0f}Z"


def _tips(at: Sequence[datetime], series: Sequence[Series], say: Callable[[float], str]) -> list[str]:
    tips, zone = [], get_timezone()
    for index, moment in enumerate(at):
        known = [(one.name, one.values[index]) for one in series]
        lines = [f"{name}: {say(value)}" for name, value in known if value is not None]
        tips.append("\n".join([f"{moment.astimezone(zone):%H:%M}", *lines]))
    return tips


def _sentence(title: str, series: Sequence[Series], say: Callable[[float], str]) -> str:
    parts = []
    for one in series:
        known = [value for value in one.values if value is not None]
        if known:
            last, highest = say(known[-1]), say(max(known))
            words = gettext("%(name)s: last %(last)s, highest %(highest)s", name=one.name, last=last, highest=highest)
            parts.append(words)
    return f"{title}. " + "; ".join(parts or [gettext("nothing yet")])


@dataclass(frozen=True)
class Spark:
    """A small picture of the last hour: bars of completed with failed on top."""

    bars: tuple[tuple[float, float, float, float, str], ...]
    sentence: str


def spark(completed: Sequence[int], failed: Sequence[int], bars: int = 30) -> Spark:
    """Return a sparkline from counts a minute, folded into ``bars`` bars."""
    good, bad = _folded(completed, bars), _folded(failed, bars)
    top = max([g + b for g, b in zip(good, bad, strict=True)], default=0) or 1
    drawn: list[tuple[float, float, float, float, str]] = []
    for index, (g, b) in enumerate(zip(good, bad, strict=True)):
        high, low = g / top * 26, b / top * 26
        if g:
            drawn.append((index * 4.0, 28 - max(high, 1.5), 3.0, max(high, 1.5), "bar-ok"))
        if b:
            low = max(low, 2.0)
            drawn.append((index * 4.0, max(0.0, 28 - high - low), 3.0, low, "bar-bad"))
    words = gettext("Last hour: %(done)s completed, %(bad)s failed", done=number(sum(good)), bad=number(sum(bad)))
    return Spark(tuple(drawn), words)


def _folded(values: Sequence[int], bars: int) -> list[int]:
    padded = [0] * max(0, bars * 2 - len(values)) + list(values)[-bars * 2 :]
    return [padded[i] + padded[i + 1] for i in range(0, bars * 2, 2)]


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
    median = Series(gettext("p50"), _each(groups, lambda point: measure(point, 0.5), _middle), "first")
    slow = Series(gettext("p95"), _each(groups, lambda point: measure(point, 0.95), max), "second")
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
