"""Bars of the week, for the PDF and for mail programs, which show tables but no SVG."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date


@dataclass(frozen=True)
class DayBar:
    """A day's bookings; `percent` (0 to 100) of the busiest day's, at least 1 so that a day with some shows."""

    label: str
    bookings: int
    percent: int


def bookings_by_day(report: dict[str, Any], language: str) -> list[DayBar]:
    """Seven bars, Monday first, labelled as the language writes days."""
    most = max((day["bookings"] for day in report["days"]), default=0)
    return [
        DayBar(
            format_date(date.fromisoformat(day["day"]), "EEE d MMM", locale=language),
            day["bookings"],
            max(round(100 * day["bookings"] / most), 1) if day["bookings"] else 0,
        )
        for day in report["days"]
    ]


def top_bars(report: dict[str, Any]) -> list[tuple[dict[str, Any], int]]:
    """The best tours, each with its percent of the best one's bookings."""
    most = max((row["bookings"] for row in report["top"]), default=0)
    return [(row, max(round(100 * row["bookings"] / most), 1)) for row in report["top"]]
