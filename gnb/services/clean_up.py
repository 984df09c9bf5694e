"""Removes what is past its keeping time: files of exports, ended tokens, old mail and the audit's oldest entries.

Each part commits for itself, in slices, so that a killed run has done what it has done, and the next goes on.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import AuditEntry, Delivery, DeliveryMessage, execute_count, now
from gnb.services import export_service
from gnb.services.accounts import tokens

AUDIT_KEPT = timedelta(days=730)
DELIVERIES_KEPT = timedelta(days=365)
MESSAGES_KEPT = timedelta(days=90)
"""The messages themselves, which hold names and places, go sooner than the ledger's lines."""

_SLICE = 5000
_SETTLED = ("sent", "failed", "suppressed")


@dataclass(frozen=True)
class Cleaned:
    """How many of each were removed; `abandoned` exports were given up."""

    files: int = 0
    abandoned: int = 0
    leftovers: int = 0
    tokens: int = 0
    messages: int = 0
    deliveries: int = 0
    audit: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def clean_up(moment: datetime | None = None) -> Cleaned:
    """Remove what is past its time as of that moment (now). Twice is once."""
    moment = moment or now()
    exports = export_service.remove_expired_exports(moment)
    forgotten = tokens.forget_expired(moment)
    db.session.commit()
    return Cleaned(
        files=exports.files,
        abandoned=exports.abandoned,
        leftovers=exports.leftovers,
        tokens=forgotten,
        messages=_remove(DeliveryMessage.delivery_id, DeliveryMessage.created_at < moment - MESSAGES_KEPT),
        deliveries=_remove(Delivery.id, Delivery.created_at < moment - DELIVERIES_KEPT, Delivery.state.in_(_SETTLED)),
        audit=_remove(AuditEntry.id, AuditEntry.created_at < moment - AUDIT_KEPT),
    )


def _remove(key: Any, *conditions: Any) -> int:
    """Deletes the rows, a slice a transaction: the database is never locked for long."""
    table, removed = key.class_, 0
    while True:
        ids = sa.select(key).where(*conditions).limit(_SLICE)
        count = execute_count(sa.delete(table).where(key.in_(ids)))
        db.session.commit()
        removed += count
        if count < _SLICE:
            return removed
