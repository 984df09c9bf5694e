"""The plot of a calibration: what was forecast against what was seen, a point a band, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

from benchmarks.delay_model_accuracy import LATE, CalibrationBin

WIDTH, HEIGHT = 620, 470
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 44, 54
STEP = 0.1
_SURE = 1.96
"""Standard deviations of the bars: 95 of 100 such bars hold the true share."""

_STYLE = """<style>
  svg { background: #fff; color: #17212b; font: 12px sans-serif }
  text { fill: currentColor }
  .grid { stroke: #d5dbe0 }
  .mark { fill: #0b6b63; stroke: #0b6b63; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    svg { background: #1b222a; color: #e4eaef }
    .grid { stroke: #3a444f }
    .mark { fill: #5cc8bd; stroke: #5cc8bd }
  }
</style>"""


def draw(bins: Sequence[CalibrationBin]) -> str:
    """The picture as SVG."""
    top = ceil(max((max(one.forecast, *_bounds(one)) for one in bins), default=0) / STEP) * STEP
    words = "; ".join(f"{one.forecast:.0%} forecast, {one.observed:.0%} of {one.trips} trips" for one in bins)
    title = f"Calibration: forecast chance of more than {LATE:.0f} minutes against the share that was"
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t d">'
    names = f'<title id="t">{title}</title><desc id="d">{words}.</desc>'
    return "\n".join([head, names, _STYLE, *_axes(top), *_points(bins, top), "</svg>"]) + "\n"


def _axes(top: float) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for number in range(round(top / STEP) + 1):
        share = number * STEP
        x, y = _x(share, top), _y(share, top)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{right}M{x:.1f} {TOP}V{bottom}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{share:.0%}</text>'
    yield f'<path d="M{LEFT} {bottom}L{right} {TOP}" stroke="currentColor" stroke-dasharray="5 4"/>'
    yield f'<text x="{LEFT}" y="20" font-weight="bold">How often trips were more than {LATE:.0f} minutes late</text>'
    yield f'<text x="{LEFT}" y="36">The number of trips at each point; 95 of 100 bars hold the true share</text>'
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">forecast chance</text>'
    turned = f"translate(18 {(TOP + bottom) / 2}) rotate(-90)"
    yield f'<text transform="{turned}" text-anchor="middle">share of the trips that were</text>'


def _points(bins: Sequence[CalibrationBin], top: float) -> Iterator[str]:
    for number, one in enumerate(bins):
        x, y = _x(one.forecast, top), _y(one.observed, top)
        low, high = (_y(share, top) for share in _bounds(one))
        yield f'<path class="mark" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        yield f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        # By turns above the bar and beside the point: neighbours near 0 would cover each other's.
        right, down = (x + 8, y + 4) if number % 2 else (x - 4, high - 5)
        yield f'<text x="{right:.1f}" y="{down:.1f}" font-size="11">{one.trips}</text>'


def _bounds(one: CalibrationBin) -> tuple[float, float]:
    """Wilson's interval for the true share."""
    square = _SURE**2 / one.trips
    middle = (one.observed + square / 2) / (1 + square)
    half = sqrt(one.observed * (1 - one.observed) * square + square**2 / 4) / (1 + square)
    return middle - half, middle + half


def _x(share: float, top: float) -> float:
    return LEFT + share / top * (WIDTH - RIGHT - LEFT)


def _y(share: float, top: float) -> float:
    return HEIGHT - BOTTOM - share / top * (HEIGHT - BOTTOM - TOP)
