"""A message as the bytes that the mail server receives (RFC 5322, MIME)."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any

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
