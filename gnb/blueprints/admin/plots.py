"""Plots drawn by the server: geometry for SVG, figures for the pointer, one sentence for those who cannot see it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from urllib.parse import urlencode

from flask_babel import get_timezone, gettext

from gnb.blueprints.shared.formatting import duration, number
from gnb.queueing import HistoryPoint
from gnb.queueing.metrics import add_buckets, quantile

WIDTH, HEIGHT = 600.0, 100.0


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name and a value a point (None where nothing is known)."""

    name: str
    values: Sequence[float | None]
    css: str = "first"
    jobs: str = ""
    """The arguments of the list of the jobs behind it, such as `state=failed`; without, its points are no links."""


@dataclass(frozen=True)
class Plot:
    """What the template needs to draw: see `_macros/plots.html`."""

    title: str
    lines: tuple[tuple[Series, str], ...]
    area: str
    top: str
    sentence: str
    tips: str
    labels: tuple[str, ...]
    cells: tuple[tuple[tuple[str, str], ...], ...]
    """For each series the text of each value, and the address of the jobs behind it if it has one."""
    dots: tuple[tuple[str, str], ...]
    """For each series its class and the path of its points above zero."""
    links: tuple[tuple[str, str], ...]
    """Each address with the path of its point."""


@dataclass(frozen=True)
class Span:
    """The time that one point of a plot stands for, and how that is written."""

    start: datetime
    end: datetime
    label: str

    @cached_property
    def query(self) -> str:
        """The arguments of a list of the jobs of this time; the points of several plots share it."""
        return urlencode({"from": _local(self.start), "until": _local(self.end)})


def line_plot(
    title: str,
    at: Sequence[datetime] | Sequence[Span],
    series: Sequence[Series],
    say: Callable[[float], str],
    page: str = "",
) -> Plot:
    """Return a plot of ``series`` over moments or spans; ``say`` words a value (number, duration).

    With ``page``, the address of a list of jobs, the points of series that have ``jobs`` are links to these.
    """
    spans = [each if isinstance(each, Span) else Span(each, each, clock(each)) for each in at]
    top = _ceiling(max((value or 0 for one in series for value in one.values), default=0))
    # A line that lies on the axis all the time says nothing; in the colour of failures it would look like one.
    lines = tuple((one, _path(one.values, top) if any(one.values) else "") for one in series)
    drawn = any(path for _, path in lines)
    cells = tuple(_cells(one, spans, say, page) for one in series)
    places = [_points(one.values, top) for one in series]
    return Plot(
        title=title,
        lines=lines,
        area=_area(series[0].values, top) if drawn else "",
        top=say(top) if drawn else "",
        sentence=_sentence(title, series, say),
        tips=json.dumps(_tips(spans, series, say), ensure_ascii=False),
        labels=tuple(span.label for span in spans),
        cells=cells,
        dots=tuple(
            (one.css, "".join(_dot(point) for point, value in zip(points, one.values, strict=True) if point and value))
            for one, points in zip(series, places, strict=True)
        ),
        links=tuple(
            (url, _dot(point))
            for row, points in zip(cells, places, strict=True)
            for (_text, url), point in zip(row, points, strict=True)
            if url and point
        ),
    )


def _dot(point: tuple[float, float]) -> str:
    return f"M{point[0]:.1f} {point[1]:.1f}h0"


def _cells(one: Series, spans: Sequence[Span], say: Callable[[float], str], page: str) -> tuple[tuple[str, str], ...]:
    def url(span: Span, value: float | None) -> str:
        return f"{page}?{one.jobs}&{span.query}" if page and one.jobs and value else ""

    return tuple(
        ("–" if value is None else say(value), url(span, value)) for span, value in zip(spans, one.values, strict=True)
    )


def _local(moment: datetime) -> str:
    """Return the moment as a `datetime-local` input has it."""
    return f"{moment.astimezone(get_timezone()):%Y-%m-%dT%H:%M}"


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


def _area(values: Sequence[float | None], top: float) -> str:
    points = _points(values, top)
    if any(point is None for point in points) or not points:
        return ""  # with gaps the line alone says what is known
    middle = "".join(f"L{x:.1f} {y:.1f}" for x, y in filter(None, points))
    return f"M0 {HEIGHT:.0f}{middle}L{WIDTH:.0f} {HEIGHT:.0f}Z"


def _tips(spans: Sequence[Span], series: Sequence[Series], say: Callable[[float], str]) -> list[str]:
    tips = []
    for index, span in enumerate(spans):
        known = [(one.name, one.values[index]) for one in series]
        lines = [f"{name}: {say(value)}" for name, value in known if value is not None]
        tips.append("\n".join([span.label, *lines]))
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


def queue_plots(points: Sequence[HistoryPoint], page: str, label: Callable[[datetime], str] = clock) -> list[Plot]:
    """Return depth, throughput, duration and waiting time, from the points of a history, oldest first.

    The points are links to the queue's jobs on ``page``; ``label`` words the beginning of the time of one.
    """
    groups = _groups(points)
    spans = [Span(group[0].at, group[-1].until, label(group[0].at)) for group in groups]
    depths = [
        Series(gettext("waiting"), _each(groups, attrgetter("waiting"), max), "first", "state=waiting"),
        Series(gettext("delayed"), _each(groups, attrgetter("delayed"), max), "second", "state=delayed"),
        Series(gettext("failed"), _each(groups, attrgetter("failed_total"), max), "third", "state=failed"),
    ]
    ended = [
        Series(gettext("completed"), _each(groups, attrgetter("completed"), sum), "first", "state=completed"),
        Series(gettext("failed"), _each(groups, attrgetter("failed"), sum), "third", "state=failed"),
    ]
    slowest = "state=completed&sort=-took"
    return [
        line_plot(gettext("Depth"), spans, depths, number, page),
        line_plot(gettext("Throughput"), spans, ended, number, page),
        _percentiles(gettext("Duration"), lambda point: point.durations(), groups, spans, page, slowest),
        _percentiles(gettext("Waiting time"), lambda point: point.counts.waits, groups, spans, page, "state=completed"),
    ]


def type_plots(points: Sequence[HistoryPoint], job_type: str, page: str) -> list[Plot]:
    """Return throughput and duration of one job type."""
    groups = _groups(points)
    spans = [Span(group[0].at, group[-1].until, clock(group[0].at)) for group in groups]
    typed = urlencode({"type": job_type})

    def ended(*outcomes: str) -> list[float | None]:
        keys = [(job_type, outcome) for outcome in outcomes]
        return [float(sum(point.counts.outcomes.get(key, 0) for point in group for key in keys)) for group in groups]

    series = [
        Series(gettext("completed"), ended("completed"), "first", f"state=completed&{typed}"),
        Series(gettext("failed"), ended("failed", "stopped"), "third", f"state=failed&{typed}"),
    ]
    slowest = f"state=completed&sort=-took&{typed}"
    return [
        line_plot(gettext("Throughput"), spans, series, number, page),
        _percentiles(gettext("Duration"), lambda point: point.durations(job_type), groups, spans, page, slowest),
    ]


def queue_spark(points: Sequence[HistoryPoint]) -> Spark:
    """Return the sparkline of the last hour."""
    return spark([point.completed or 0 for point in points], [point.failed or 0 for point in points])


def _percentiles(
    title: str,
    buckets: Callable[[HistoryPoint], Sequence[int]],
    groups: list[list[HistoryPoint]],
    spans: list[Span],
    page: str,
    jobs: str,
) -> Plot:
    sums = [add_buckets(buckets(point) for point in group) for group in groups]
    median = Series(gettext("p50"), [quantile(counts, 0.5) for counts in sums], "first", jobs)
    slow = Series(gettext("p95"), [quantile(counts, 0.95) for counts in sums], "second", jobs)
    return line_plot(title, spans, [median, slow], duration, page)


def _groups(points: Sequence[HistoryPoint]) -> list[list[HistoryPoint]]:
    """Return the points in at most ``POINTS`` runs of neighbours."""
    size = max(1, -(-len(points) // POINTS))
    return [list(points[start : start + size]) for start in range(0, len(points), size)]


def _each(
    groups: list[list[HistoryPoint]], read: Callable[[HistoryPoint], float | None], fold: Callable[[list[float]], float]
) -> list[float | None]:
    known = ([value for point in group if (value := read(point)) is not None] for group in groups)
    return [fold(values) if values else None for values in known]
