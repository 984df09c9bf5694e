"""HTML to pages with WeasyPrint. Imported by the first document only: it takes a second that most processes never need.

Nothing is fetched but files of our own `static/` folder. Several threads may each have a `Typesetter`: what Pango and
fontconfig must not share between them belongs to it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gnb.services.exports.errors import NoFonts

with warnings.catch_warnings():
    # Without any font Pango ends the whole process as soon as something is laid out. WeasyPrint warns on import.
    warnings.simplefilter("error", UserWarning)
    try:
        from weasyprint import HTML, Document
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except UserWarning as error:
        raise NoFonts(f"there is no font, and no document can be made: {error}") from None


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


class Typesetter:
    """Lays out HTML; fonts are looked up once."""

    def __init__(self, folder: Path) -> None:
        self._fonts = FontConfiguration()
        self.files = StaticFiles(folder)

    def pages(self, html: str) -> Document:
        """The document's pages."""
        return HTML(string=html, base_url="static:/", url_fetcher=self.files).render(font_config=self._fonts)
