"""Plots as plain numbers, which a template draws as SVG: bars over time, and bars by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

MOST_DAILY_BARS = 62


@dataclass(frozen=True)
class Bar:
    """One bar: its label, what it stands for, and its length as a share (0…1) of the longest."""

    label: str
    value: Decimal
    share: float


@dataclass(frozen=True)
class OverTime:
    """Bars in the order of time, one a day, or one a month where there would be too many; `step` says which."""

    step: str
    bars: tuple[Bar, ...]
    top: Decimal
    """What the longest bar stands for."""


def over_time(days: Sequence[tuple[date, Decimal]]) -> OverTime:
    """Return the days' values as bars; days and months without any are bars of no length."""
    if not days:
        return OverTime("day", (), Decimal(0))
    first, last = days[0][0], days[-1][0]
    if (last - first).days < MOST_DAILY_BARS:
        values = {first + timedelta(days=count): Decimal(0) for count in range((last - first).days + 1)}
        values.update(days)
        return _over_time("day", {day.isoformat(): value for day, value in values.items()})
    months: dict[str, Decimal] = {}
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        months[f"{year:04}-{month:02}"] = Decimal(0)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    for day, value in days:
        months[f"{day.year:04}-{day.month:02}"] += value
    return _over_time("month", months)


def by_name(values: Sequence[tuple[str, Decimal]]) -> tuple[Bar, ...]:
    """Return the values as bars, in their own order."""
    top = max((value for _, value in values), default=Decimal(0))
    return tuple(Bar(name, value, _share(value, top)) for name, value in values)


def _over_time(step: str, values: dict[str, Decimal]) -> OverTime:
    return OverTime(step, by_name(list(values.items())), max(values.values()))


def _share(value: Decimal, top: Decimal) -> float:
    return float(value / top) if top else 0.0
