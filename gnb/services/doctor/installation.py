"""Settings, mail, documents and storage of this installation.

Invalid settings stop the start before this; here are valid ones that production should not have.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

from gnb.config import INSTANCE, Settings
from gnb.extensions import db, settings
from gnb.models import Export, ExportChunk
from gnb.services.doctor import Finding, cause, ok, problem, warning
from gnb.services.doctor.database import REMEDY
from gnb.services.exports import NoFonts
from gnb.services.exports.storage import open_storage
from gnb.services.mail import MailUnavailable
from gnb.services.mail.providers import Connection, server

if TYPE_CHECKING:
    from pypdf import PageObject

    from gnb.services.exports.pdf_renderer import PdfRenderer

_NAME = "configuration"
_SHORTEST_KEY = 32


def check_settings() -> Iterator[Finding]:
    """Yield a finding for each setting that is unfit for production, or one that all are fit."""
    chosen = settings()
    if chosen.development:
        yield ok(_NAME, "development; every variable has a value it can have")
        return
    found = list(_unfit(chosen))
    yield from found or [ok(_NAME, f"{chosen.app_env}, {chosen.site_url}")]


def _unfit(chosen: Settings) -> Iterator[Finding]:
    if len(chosen.secret_key) < _SHORTEST_KEY:
        yield warning(
            _NAME,
            f"SECRET_KEY is {len(chosen.secret_key)} long, and can be guessed",
            "Set one from: python3 -c 'import secrets; print(secrets.token_hex(32))'",
        )
    if not chosen.site_url_given:
        yield warning(
            _NAME,
            f"SITE_URL is not set: links in mails begin with {chosen.site_url} and any Host is answered",
            "Set SITE_URL to the address that people type",
        )
    elif chosen.site_url.startswith("http://"):
        yield warning(_NAME, "SITE_URL has no TLS: cookies go over the wire as they are", "Serve it by https://")
    elif chosen.trusted_proxies == 0:
        yield warning(
            _NAME,
            "TRUSTED_PROXIES is 0: behind a proxy every visitor has the proxy's address, which rate limits count by",
            "Set TRUSTED_PROXIES to the number of proxies before the application, 1 on most platforms",
        )
    for variable, address in (("DATABASE_URL", chosen.database_url), ("REDIS_URL", chosen.redis_url)):
        if str(INSTANCE) in address:
            yield warning(
                _NAME, f"{variable} is not set: what bin/dev keeps under instance/ is used", f"Set {variable}"
            )


_SECONDS_AN_ANSWER = 5.0


def check_mail() -> Iterator[Finding]:
    """Check that the mail server accepts a connection, TLS and the login; nothing is sent."""
    chosen = settings()
    if chosen.email_provider == "sink":
        if chosen.development:
            yield ok("mail", "kept here, an admin reads it at /admin/emails")
        else:
            yield warning(
                "mail",
                "EMAIL_PROVIDER is sink: every message is kept here and none leaves",
                "Set EMAIL_PROVIDER to smtp, gmail or mailtrap",
            )
        return
    there = server(chosen)
    try:
        Connection(there, _SECONDS_AN_ANSWER).check()
    except MailUnavailable as error:
        yield problem("mail", str(error), f"Check the variables of EMAIL_PROVIDER={chosen.email_provider}")
    else:
        signed_in = f", signed in as {there.user}" if there.user else ", without signing in"
        yield ok("mail", f"{there.host}:{there.port} answers{signed_in}")


_SAMPLE = "İstanbul ₺"
_LIBRARIES = "Install: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_FONTS = "Install: apt-get install fonts-dejavu-core"
_SCRIPTS = {
    "Greek": "Νίκος",
    "Cyrillic": "Иван",
    "Arabic": "علي",
    "Hebrew": "דוד",
    "Georgian": "გია",
    "Devanagari": "रमन",
    "Thai": "วิชัย",
    "Chinese": "王伟",
    "Japanese": "さくら",
    "Korean": "김민",
    "emoji": "😀",
}
"""A name in each script that customers write theirs in; a document has boxes for letters that no font has."""

_MORE_FONTS = "Install: apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"


def check_documents() -> Iterator[Finding]:
    """Check that a PDF can be made, with the letters of Turkish, and which other scripts it can have."""
    try:
        from gnb.services.exports.pdf_renderer import PdfRenderer
    except OSError as error:
        yield problem("documents", f"a library of WeasyPrint is missing: {cause(error)}", _LIBRARIES)
        return
    except NoFonts as error:
        yield problem("documents", str(error), _FONTS)
        return
    renderer = PdfRenderer("en")
    page = _page_of(renderer, _SAMPLE)
    if _SAMPLE not in page.extract_text():
        yield problem("documents", f"no font has the letters of “{_SAMPLE}”", _FONTS)
    else:
        yield ok("documents", f"a page was made, with {', '.join(_fonts(page))}")
    # A page for each: what pypdf reads from a page is not reliable where its text has several fonts.
    missing = [
        script for script, text in _SCRIPTS.items() if not set(text) <= set(_page_of(renderer, text).extract_text())
    ]
    if missing:
        yield warning("documents", f"no font has {', '.join(missing)}: a PDF shows boxes instead", _MORE_FONTS)


def _page_of(renderer: PdfRenderer, text: str) -> PageObject:
    from pypdf import PdfReader  # ten megabytes that every process would carry, and only this needs

    return PdfReader(io.BytesIO(renderer.render_html(f"<p>{text}").write_pdf())).pages[0]


def _fonts(page: PageObject) -> list[str]:
    fonts = page["/Resources"].get_object().get("/Font", {}).get_object()  # type: ignore[union-attr]
    return sorted({str(font.get_object()["/BaseFont"]).partition("+")[2] for font in fonts.values()})


_TEXT = b"written by flask doctor\r\n"


def check_storage() -> Iterator[Finding]:
    """Check that an export's file can be written and read."""
    address = settings().export_storage
    try:
        _try_database() if address == "database" else _try_files(address)
    except Exception as error:  # noqa: BLE001 - a disk, a database or a service may each fail in ways of their own
        yield problem("storage", f"{_shown(address)} takes no file: {cause(error)}", _remedy(address, error))
    else:
        yield ok("storage", f"{_shown(address)} takes files and gives them back")


def _try_database() -> None:
    """Insert a row and a chunk, and roll both back."""
    number = str(uuid4())
    chunk = {"file_key": f"{number}.csv", "position": 0, "export_id": number, "start": 0, "data": _TEXT}
    with db.engine.connect() as connection:
        connection.execute(sa.insert(Export).values(id=number, type="bookings-csv"))
        connection.execute(sa.insert(ExportChunk).values(**chunk))
        connection.rollback()


def _try_files(address: str) -> None:
    place, key = open_storage(address, db.engine), f"doctor-{uuid4().hex}.csv"
    with place.create(key, "doctor") as file:
        file.write(_TEXT)
    try:
        if b"".join(place.read(key)) != _TEXT:
            raise OSError("what is read is not what was written")
    finally:
        place.remove(key)


def _shown(address: str) -> str:
    return "the database" if address == "database" else address


def _remedy(address: str, error: Exception) -> str:
    if address == "database":
        if isinstance(error, sa.exc.OperationalError) and not isinstance(error.orig, sqlite3.Error):
            return REMEDY
        return "Check that the database is not read-only and its disk not full"
    if address.startswith("file:"):
        return "Let the application's user write to that folder, and check that its disk is not full"
    return "Check the bucket's name, the credentials as boto3 finds them, and that requirements have boto3"
