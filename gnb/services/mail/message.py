"""A message: rendered from its templates, and as the bytes that the mail server receives (RFC 5322, MIME).

A kind of mail has two templates, `templates/mail/<kind>.html` and `.txt`; the first line of the text is `Subject: …`.
Their texts are translated by gettext, and the styles of the HTML are inlined.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache, lru_cache
from html.parser import HTMLParser
from typing import Any

import css_inline
import jinja2
from flask_babel import force_locale, gettext, ngettext
from markupsafe import Markup, escape

from gnb.config import ROOT
from gnb.messages.formats import text_language
from gnb.services.mail.addresses import LONGEST_SUBJECT, one_line, wire_address


class _UnfoldedHeader(UnstructuredHeader):
    """A header that is written on one line: a folded or encoded URL is not recognized by mailbox providers."""

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


class _Headers(HeaderRegistry):
    """Header classes by name; parsing is cached, since most headers of two messages are the same."""

    _parse = lru_cache(maxsize=256)(HeaderRegistry.__call__)

    def __call__(self, name: str, value: Any) -> Any:
        return self._parse(name, str(value))


_headers = _Headers()
for _name in ("list-unsubscribe", "message-id"):
    _headers.map_to_type(_name, _UnfoldedHeader)  # type: ignore[arg-type]
_ASCII = policy.SMTP.clone(cte_type="7bit", header_factory=_headers)
_UTF8 = policy.SMTPUTF8.clone(header_factory=_headers)


@dataclass(frozen=True)
class Attachment:
    """A file attached to a message, of type `application/<subtype>`."""

    name: str
    subtype: str
    data: bytes


@dataclass(frozen=True)
class Content:
    """What a message says."""

    subject: str
    html: str
    text: str
    language: str
    calendar: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Envelope:
    """Sender and recipient of a message.

    The Message-ID is the same for every attempt at a delivery, so that a mailbox recognizes a duplicate.
    """

    sender: str
    """The From header: an address, with or without a name."""
    recipient: str
    recipient_name: str
    message_id: str
    date: datetime

    @property
    def sender_address(self) -> str:
        return _parse_sender(self.sender)[1]


def message_id(delivery_id: int, sender: str, secret: str) -> str:
    """Return the Message-ID of the delivery: stable, and unpredictable without the secret."""
    digest = hmac.new(secret.encode(), f"delivery {delivery_id}".encode(), hashlib.sha256).hexdigest()[:16]
    return f"<delivery.{delivery_id}.{digest}@{sender_domain(sender)}>"


def sender_domain(sender: str) -> str:
    """Return the domain of the sender's address."""
    return _parse_sender(sender)[1].rpartition("@")[2] or "localhost"


@lru_cache(maxsize=16)
def _parse_sender(sender: str) -> tuple[str, str]:
    name, address = parseaddr(sender)
    return name, wire_address(address)


def build(envelope: Envelope, content: Content) -> bytes:
    """Build the message: plain text and HTML as alternatives, then the calendar and the attachments."""
    message = EmailMessage(_ASCII if envelope.recipient.isascii() else _UTF8)
    message["From"] = _address(*_parse_sender(envelope.sender))
    message["To"] = _address(envelope.recipient_name, envelope.recipient)
    message["Subject"] = one_line(content.subject, LONGEST_SUBJECT)
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = envelope.message_id
    message["Auto-Submitted"] = "auto-generated"
    for header, value in content.headers.items():
        message[header] = value
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    if content.calendar is not None:
        message.add_attachment(
            content.calendar.decode(), "calendar", cte="base64", filename="pickup.ics", params={"method": "PUBLISH"}
        )
    for file in content.attachments:
        message.add_attachment(file.data, "application", file.subtype, filename=file.name)
    message["Content-Language"] = content.language  # last: setting content removes every Content-* header
    return message.as_bytes()


def _address(name: str, address: str) -> str:
    username, _, domain = address.rpartition("@")
    return str(Address(one_line(name), username, domain))


_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCK_TAGS = {"p", "div", "br", "tr", "li", "ul", "ol", "table", "hr", "blockquote", *_HEADINGS}
_HIDDEN_TAGS = {"style", "script", "head", "title", "template"}
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def render(kind: str, language: str, **facts: Any) -> tuple[str, str, str]:
    """Return subject, HTML and text of that kind of mail. Facts are escaped."""
    language = text_language(language)
    with force_locale(language):
        text = _environment().get_template(f"{kind}.txt").render(facts, language=language)
        html = _environment().get_template(f"{kind}.html").render(facts, language=language)
    subject, _, body = text.partition("\n")
    return one_line(subject.removeprefix("Subject:"), LONGEST_SUBJECT), _inliner.inline(html), body.strip() + "\n"


def paragraphs(text: str) -> Markup:
    """Convert plain text to HTML: empty lines separate paragraphs, URLs become links, everything else is escaped."""
    blocks = (block.strip() for block in text.replace("\r\n", "\n").split("\n\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(_linked(line) for line in block.split("\n")))
        for block in blocks
        if block
    )


def _linked(line: str) -> Markup:
    return Markup(" ").join(_word(word) for word in line.split(" "))


def _word(word: str) -> Markup:
    if not word.startswith(("http://", "https://")):
        return escape(word)
    address = word.rstrip(".,;:!?)")
    return Markup('<a href="{0}">{0}</a>{1}').format(address, word[len(address) :])


@cache
def _environment() -> jinja2.Environment:
    """Create the environment of the mail templates, which gives them no access to a request or session."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "mail"),
        autoescape=jinja2.select_autoescape(("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["paragraphs"] = paragraphs
    return environment


def plain_text(html: str) -> str:
    """Convert HTML to plain text: a line per block, links followed by their URL."""
    reader = _TextExtractor()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v\xa0]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TextExtractor(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN_TAGS:
            self._hidden += 1
        elif tag in _BLOCK_TAGS:
            self.pieces.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN_TAGS:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCK_TAGS:
            self.pieces.append("\n")
        elif tag == "a" and self._links:
            link = self._links.pop()
            if link.startswith(("http://", "https://")):
                self.pieces.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data.replace("\n", " "))
