"""The ledger for those who look at it: lists, one delivery, its message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import ADMIN_ROLES, REPORT_READERS, STAFF_ROLES, Delivery, DeliveryMessage, normalize_email
from gnb.services.mail.errors import MailError
from gnb.services.mail.sending import source_of

SECRET_KINDS = frozenset({"password-reset", "registration"})
"""Whose message lets its reader in as somebody else."""

# The links by which whoever has them acts: a guest's booking, the end of a subscription, an account.
_SECRET_LINK = re.compile(r"(/bookings/[^\s\"'<>?]*\?token=|/(?:unsubscribe|reset-password|register)/)[^\s\"'<>&]+")


def may_read(delivery: Delivery, role: str) -> bool:
    """Return whether staff of this role may read the message: no more than its recipients, and no way into accounts."""
    if delivery.kind in SECRET_KINDS:
        return role == "superadmin"
    return role in (REPORT_READERS if delivery.kind == "weekly-report" else STAFF_ROLES)


def may_act(role: str) -> bool:
    """Return whether staff of this role may use the links in messages to customers."""
    return role in ADMIN_ROLES


def without_secrets(text: str) -> str:
    """Return the text with each link in it masked by which its reader could act in the recipient's place."""
    return _SECRET_LINK.sub("\\1•••", text)


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries are asked for; None matches all. `text` is a recipient, its beginning, or a reference."""

    state: str | None = None
    kind: str | None = None
    language: str | None = None
    campaign_id: int | None = None
    text: str | None = None


@dataclass(frozen=True)
class ReadMessage:
    """A message taken apart. `kept` says whether it is the one that was sent, or was made just now."""

    source: bytes
    kept: bool
    headers: list[tuple[str, str]]
    html: str
    text: str
    attachments: list[str]


def deliveries(wanted: DeliveryFilter, start: int, end: int) -> tuple[list[Delivery], int]:
    """The deliveries from `start` up to, not including, `end`, newest first, and how many match in all."""
    conditions = _conditions(wanted)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(Delivery).where(*conditions)) or 0
    query = sa.select(Delivery).where(*conditions).order_by(Delivery.id.desc()).slice(start, end)
    return list(db.session.scalars(query)), total


def state_counts(wanted: DeliveryFilter) -> dict[str, int]:
    """How many deliveries match in each state, whatever state is asked for."""
    conditions = _conditions(DeliveryFilter(None, wanted.kind, wanted.language, wanted.campaign_id, wanted.text))
    query = sa.select(Delivery.state, sa.func.count()).where(*conditions).group_by(Delivery.state)
    return {state: count for state, count in db.session.execute(query)}  # noqa: C416 - rows are more than pairs


def message_of(delivery: Delivery, masked: bool = False) -> ReadMessage | None:
    """The delivery's message: the one kept, or as it would be made now; None when it cannot be made any more.

    Args:
        masked: Mask links with secrets. The source is then empty.
    """
    kept = db.session.scalar(sa.select(DeliveryMessage.source).where(DeliveryMessage.delivery_id == delivery.id))
    if kept is None and delivery.kind in SECRET_KINDS:
        return None
    try:
        source = kept if kept is not None else source_of(delivery)
    except MailError:
        return None
    parser: Any = BytesParser(policy=policy.default)
    message: EmailMessage = parser.parsebytes(source)
    shown: Callable[[str], str] = without_secrets if masked else str
    return ReadMessage(
        source=b"" if masked else source,
        kept=kept is not None,
        headers=[(name, shown(str(value))) for name, value in message.items() if not name.lower().startswith("mime")],
        html=shown(_body(message, "html")),
        text=shown(_body(message, "plain")),
        attachments=[part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
    )


def _body(message: EmailMessage, kind: str) -> str:
    part: Any = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _conditions(wanted: DeliveryFilter) -> list[sa.ColumnElement[bool]]:
    columns = {
        Delivery.state: wanted.state,
        Delivery.kind: wanted.kind,
        Delivery.language: wanted.language,
        Delivery.campaign_id: wanted.campaign_id,
    }
    conditions: list[sa.ColumnElement[bool]] = [column == value for column, value in columns.items() if value]
    if wanted.text:
        conditions.append(_matches(wanted.text))
    return conditions


def _matches(text: str) -> sa.ColumnElement[bool]:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return sa.or_(Delivery.id == int(text), Delivery.booking_id == int(text))
    return Delivery.recipient.startswith(normalize_email(text), autoescape=True)
