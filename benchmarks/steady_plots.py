"""The plots of a steady run: one SVG a group of series, lines over time, with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from benchmarks.steady_samples import Series

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 250, 34, 26
COLOURS = ("#0f6b66", "#b4541a", "#5b4a9e", "#9c2f52", "#4d7a1f", "#2b6cb0")


def draw(series: Sequence[Series], times: Sequence[float], folder: Path, words: str) -> None:
    """Writes `steady-<group>.svg` for each group into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(series, key=lambda one: one.group)
    for group, members in groupby(ordered, key=lambda one: one.group):
        lines = list(members)
        path = folder / f"steady-{group.replace(' ', '-')}.svg"
        path.write_text(_plot(lines, times, f"{group}, {lines[0].unit}; {words}"))


def _plot(lines: Sequence[Series], times: Sequence[float], title: str) -> str:
    top = max((value for one in lines for value in one.values), default=0) * 1.1 or 1.0
    last = max(times, default=0) or 1.0
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
    ]
    for step in range(5):
        y = bottom - step / 4 * (bottom - TOP)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_figure(top * step / 4)}</text>')
    for step in range(5):
        x = LEFT + step / 4 * (right - LEFT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{last * step / 240:.1f} min</text>')
    for number, one in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        moments = times[len(times) - len(one.values) :]  # a rate begins with the second sample
        points = " ".join(
            f"{LEFT + at / last * (right - LEFT):.1f},{bottom - value / top * (bottom - TOP):.1f}"
            for at, value in zip(moments, one.values, strict=True)
        )
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>')
        y = TOP + 8 + 17 * number
        parts.append(f'<path d="M{right + 12} {y}h16" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{right + 34}" y="{y + 4}">{escape(one.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
