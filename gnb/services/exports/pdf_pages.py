"""HTML of our own templates as PDF pages. Nothing is fetched but files of our own `static/` folder."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import force_locale
from weasyprint import HTML, Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from gnb.models import DEFAULT_LANGUAGE, HOME_ZONE, TEXT_LANGUAGES

# What XML forbids, and what some readers show as an empty box.
_UNPRINTABLE = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])


class StaticFiles(URLFetcher):
    """Fetches `static:path` from the application's folder of static files, and refuses everything else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(allowed_protocols=("static",))
        self._folder = folder.resolve()

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """The file. Raises ValueError for an address that is not one of our files."""
        parts = urlsplit(url)
        path = (self._folder / unquote(parts.path).lstrip("/")).resolve()
        if parts.scheme != "static" or not path.is_relative_to(self._folder) or not path.is_file():
            raise ValueError("a document may show files of the static folder only")
        return URLFetcherResponse(url, path.read_bytes())


class Press:
    """Lays out templates in one language; fonts are looked up once."""

    def __init__(self, language: str) -> None:
        self.language = language if language in TEXT_LANGUAGES else DEFAULT_LANGUAGE
        self._fonts = FontConfiguration()
        self._files = StaticFiles(Path(current_app.static_folder or "static"))

    def lay_out(self, template: str, **values: Any) -> Document:
        """The template's pages."""
        with force_locale(self.language):
            page = current_app.jinja_env.get_template(template)
            html = page.render(**values, language=self.language, day=self.day, money=self.money, number=self.number)
        return HTML(string=html.translate(_UNPRINTABLE), base_url="static:/", url_fetcher=self._files).render(
            font_config=self._fonts
        )

    def day(self, value: Any) -> str:
        """A calendar day as the language writes it: `31 Jan 2026`."""
        return format_date(value, "d MMM y", locale=self.language)

    def moment(self, value: datetime | None = None) -> str:
        """An instant, now unless given, in Europe/Istanbul: `31 Jan 2026, 09:30`."""
        instant = (value or datetime.now(UTC)).astimezone(HOME_ZONE)
        return format_datetime(instant, "d MMM y, HH:mm", locale=self.language)

    def money(self, amount: Decimal, currency: str) -> str:
        """An exact amount: `1,234.50 EUR`, `1.234,50 EUR` in Turkish."""
        return f"{format_decimal(amount, '#,##0.00', locale=self.language)} {currency}"

    def number(self, value: int) -> str:
        """A whole number in groups of three."""
        return format_decimal(value, "#,##0", locale=self.language)
