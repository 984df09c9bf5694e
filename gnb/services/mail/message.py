"""A message as the bytes that a server is handed (RFC 5322, MIME)."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from gnb.services.mail.addresses import LONGEST_SUBJECT, one_line

_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Attachment:
    """A file that goes along; `subtype` of application."""

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
    """From whom to whom. The message id stays the same however often a delivery is tried, so that a mailbox can tell
    a message that came twice."""

    sender: str
    """The From header: an address, with or without a name."""
    recipient: str
    recipient_name: str
    message_id: str
    date: datetime

    @property
    def sender_address(self) -> str:
        return parseaddr(self.sender)[1]


def message_id(delivery_id: int, sender: str, secret: str) -> str:
    """The id of that delivery's message: the same each time, and not to be guessed by others."""
    digest = hmac.new(secret.encode(), f"delivery {delivery_id}".encode(), hashlib.sha256).hexdigest()[:16]
    return f"<delivery.{delivery_id}.{digest}@{sender_domain(sender)}>"


def sender_domain(sender: str) -> str:
    """The domain that the sender writes from."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def build(envelope: Envelope, content: Content) -> bytes:
    """The message, lines ending in CR LF."""
    message = EmailMessage(policy=_POLICY)
    name, address = parseaddr(envelope.sender)
    message["From"] = _address(name, address)
    message["To"] = _address(envelope.recipient_name, envelope.recipient)
    message["Subject"] = one_line(content.subject, LONGEST_SUBJECT)
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = envelope.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text, cte=_encoding(content.text))
    message.add_alternative(content.html, subtype="html", cte=_encoding(content.html))
    if content.calendar is not None:
        message.add_attachment(
            content.calendar,
            maintype="text",
            subtype="calendar",
            filename="pickup.ics",
            params={"method": "PUBLISH", "charset": "utf-8"},
        )
    for file in content.attachments:
        message.add_attachment(file.data, maintype="application", subtype=file.subtype, filename=file.name)
    message["Content-Language"] = content.language  # set before the parts, it would be the first part's
    return _unfolded(content.headers) + message.as_bytes()


def _unfolded(headers: dict[str, str]) -> bytes:
    """Headers of ours that hold a link: the library would break a long one in two, and few readers mend it."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(one_line(name), user, domain)


def _encoding(text: str) -> str:
    """Seven bits where they are enough and no line is too long for a server, base64 otherwise."""
    short = text.isascii() and all(len(line) < 900 for line in text.splitlines())
    return "7bit" if short else "base64"
