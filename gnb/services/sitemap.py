"""The sitemap of the public site, as specified by sitemaps.org with its hreflang extension.

    update_sitemap()              # rebuilds it; readers get the old one or the new one, never a mixture
    sitemap_file("sitemap.xml")   # the file to serve, compressed with gzip

Contains every active tour and the front page, each in every language with its alternates. With more than 50,000 URLs,
`sitemap.xml` is an index of `sitemap-1.xml.gz`, `sitemap-2.xml.gz`, …
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import sqlalchemy as sa

from gnb.extensions import db, settings
from gnb.models import DEFAULT_LANGUAGE, TEXT_LANGUAGES, SiteFile, Tour, now

LIMIT = 50_000
INDEX = "sitemap.xml"

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"
_ROOT = f'<urlset xmlns="{_SCHEMA}" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'


@dataclass(frozen=True)
class SitemapMade:
    """The result of a run."""

    addresses: int
    files: int
    bytes: int
    """Compressed, of all files."""


def update_sitemap(limit: int = LIMIT) -> SitemapMade:
    """Rebuild the files and replace the old ones in one transaction; `limit` URLs per file."""
    entries, total = _entries(settings().site_url), 0
    made: list[SiteFile] = []
    while part := list(islice(entries, limit)):
        made.append(_file(f"sitemap-{len(made) + 1}.xml.gz", _XML + _ROOT + "".join(part) + "</urlset>\n"))
        total += len(part)
    if len(made) == 1:
        made[0].name = INDEX
    else:
        made.append(_file(INDEX, _index([each.name for each in made])))
    return SitemapMade(total, len(made), _put_in_place(made))


def sitemap_file(name: str) -> SiteFile | None:
    """Return the file with this name, or None. Builds the sitemap if there is none yet."""
    found = db.session.get(SiteFile, name)
    if found is None and name == INDEX:
        update_sitemap()
        found = db.session.get(SiteFile, name)
    return found


def address_of(path: str, language: str, site: str) -> str:
    """Return the URL of a page in a language, as search engines index it."""
    return f"{site}{quote(path)}?lang={language}"


def _entries(site: str) -> Iterator[str]:
    """Yield an entry for each URL, the front page first; tours are streamed."""
    yield from _page(site, "/", None)
    query = sa.select(Tour.slug, Tour.updated_at).where(Tour.active).order_by(Tour.id)
    for slug, changed in db.session.execute(query.execution_options(yield_per=1000)):
        yield from _page(site, f"/tours/{slug}", changed)


def _page(site: str, path: str, changed: datetime | None) -> Iterator[str]:
    alternates = [(language, address_of(path, language, site)) for language in TEXT_LANGUAGES]
    alternates.append(("x-default", address_of(path, DEFAULT_LANGUAGE, site)))
    links = "".join(
        f'<xhtml:link rel="alternate" hreflang="{language}" href={quoteattr(address)}/>'
        for language, address in alternates
    )
    last = f"<lastmod>{changed:%Y-%m-%dT%H:%M:%SZ}</lastmod>" if changed else ""
    for _language, address in alternates[:-1]:
        yield f"<url><loc>{escape(address)}</loc>{last}{links}</url>\n"


def _index(names: list[str]) -> str:
    moment = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    rows = "".join(
        f"<sitemap><loc>{escape(f'{settings().site_url}/{name}')}</loc><lastmod>{moment}</lastmod></sitemap>\n"
        for name in names
    )
    return f'{_XML}<sitemapindex xmlns="{_SCHEMA}">\n{rows}</sitemapindex>\n'


def _file(name: str, text: str) -> SiteFile:
    whole = text.encode()
    return SiteFile(name=name, data=gzip.compress(whole, mtime=0), digest=hashlib.sha256(whole).hexdigest())


def _put_in_place(made: list[SiteFile]) -> int:
    """Replace all files of the old sitemap in one transaction; return the size of the new one in bytes."""
    size = sum(len(each.data) for each in made)
    db.session.rollback()
    db.session.execute(sa.delete(SiteFile).where(SiteFile.name.startswith("sitemap")))
    for each in made:
        each.changed_at = now()
    db.session.add_all(made)
    db.session.commit()
    return size
