"""PDF documents from the application's templates, by WeasyPrint, and the bars of their plots.

Imported only when a document is made: WeasyPrint takes a second to load, which most processes never need. A document
loads nothing but files of the `static/` folder. Threads may render in parallel, each with a `PdfRenderer` of its own:
Pango's and fontconfig's state belongs to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import force_locale, gettext

from gnb.messages import formats
from gnb.messages.labels import booking_label
from gnb.models import DEFAULT_LANGUAGE, HOME_ZONE, TEXT_LANGUAGES, Tour, now
from gnb.services.exports import NoFonts

with warnings.catch_warnings():
    # Without any font Pango aborts the process at the first layout. WeasyPrint warns on import.
    warnings.simplefilter("error", UserWarning)
    try:
        from weasyprint import HTML, Document
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except UserWarning as error:
        raise NoFonts(what=str(error)) from None

# What XML forbids, and what some readers show as an empty box.
_UNPRINTABLE = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])


class StaticFiles(URLFetcher):
    """Loads `static:path` from the application's static folder and rejects every other URL."""

    def __init__(self, folder: Path) -> None:
        super().__init__(allowed_protocols=("static",))
        self._folder = folder.resolve()

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Return the file. Raises ValueError for a URL outside the static folder."""
        parts = urlsplit(url)
        path = (self._folder / unquote(parts.path).lstrip("/")).resolve()
        if parts.scheme != "static" or not path.is_relative_to(self._folder) or not path.is_file():
            raise ValueError("a document may show files of the static folder only")
        return URLFetcherResponse(url, path.read_bytes())


class PdfRenderer:
    """Renders templates in one language, with dates, money and numbers formatted for it."""

    def __init__(self, language: str) -> None:
        self.language = language if language in TEXT_LANGUAGES else DEFAULT_LANGUAGE
        self.files = StaticFiles(Path(current_app.static_folder or "static"))
        self._fonts = FontConfiguration()

    def render(self, template: str, **values: Any) -> Document:
        """Render the template to pages. A value replaces the formatting function of the same name."""
        with force_locale(self.language):
            page = current_app.jinja_env.get_template(template)
            functions = {
                "day": self.day,
                "moment": self.moment,
                "clock": self.clock,
                "money": self.money,
                "number": self.number,
                "word": booking_label,
            }
            html = page.render(**{**functions, **values}, language=self.language)
        return self.render_html(html.translate(_UNPRINTABLE))

    def render_html(self, html: str) -> Document:
        """Render HTML to pages."""
        return HTML(string=html, base_url="static:/", url_fetcher=self.files).render(font_config=self._fonts)

    def day(self, value: Any) -> str:
        """Format a calendar day: `31 Jan 2026`."""
        return format_date(value, "d MMM y", locale=self.language)

    def clock(self, value: datetime) -> str:
        """Format the time of day of an instant in Europe/Istanbul: `09:30`."""
        return formats.clock(value, self.language)

    def moment(self, value: datetime | None = None) -> str:
        """Format an instant, the present one unless given, in Europe/Istanbul: `31 Jan 2026, 09:30`."""
        return format_datetime((value or now()).astimezone(HOME_ZONE), "d MMM y, HH:mm", locale=self.language)

    def money(self, amount: Decimal, currency: str) -> str:
        """Format an exact amount: `1,234.50 EUR`, `1.234,50 EUR` in Turkish."""
        return f"{format_decimal(amount, '#,##0.00', locale=self.language)} {currency}"

    def number(self, value: int) -> str:
        """Format a whole number with thousands separators."""
        return format_decimal(value, "#,##0", locale=self.language)


def describe_filters(
    renderer: PdfRenderer, connection: sa.Connection, filters: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the filters of a document as pairs of a name and a value, the span of days first."""
    with force_locale(renderer.language):
        lines = [(gettext("Days"), _span(renderer, filters))]
        names = {
            "status": gettext("Status"),
            "payment_method": gettext("Payment"),
            "currency": gettext("Currency"),
            "language": gettext("Language"),
        }
        lines += [
            (label, ", ".join(map(booking_label, filters[name]))) for name, label in names.items() if name in filters
        ]
        if "tour" in filters:
            tour = connection.scalar(sa.select(Tour.name).where(Tour.id == filters["tour"]))
            lines.append((gettext("Tour"), tour or str(filters["tour"])))
        return lines


def _span(renderer: PdfRenderer, filters: Mapping[str, Any]) -> str:
    start, end = filters.get("start_date"), filters.get("end_date")
    if start and end:
        return f"{renderer.day(start)} – {renderer.day(end)}"
    if start:
        return gettext("from %(day)s", day=renderer.day(start))
    if end:
        return gettext("until %(day)s", day=renderer.day(end))
    return gettext("all")


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


def bars_over_time(days: Sequence[tuple[date, Decimal]]) -> OverTime:
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


def bars_by_name(values: Sequence[tuple[str, Decimal]]) -> tuple[Bar, ...]:
    """Return the values as bars, in their own order."""
    top = max((value for _, value in values), default=Decimal(0))
    return tuple(Bar(name, value, _share(value, top)) for name, value in values)


def _over_time(step: str, values: dict[str, Decimal]) -> OverTime:
    return OverTime(step, bars_by_name(list(values.items())), max(values.values()))


def _share(value: Decimal, top: Decimal) -> float:
    return float(value / top) if top else 0.0
