"""Deletes expired data: export files, tokens, old mail, rows past their setting, and personal data of old bookings.

Each part commits in batches, so that an interrupted run keeps its progress and the next one continues.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db, settings
from gnb.models import AuditEntry, Delivery, DeliveryMessage, Export, PriceChange, execute_count, now
from gnb.services import export_service
from gnb.services.accounts import personal_data, tokens

DELIVERIES_KEPT = timedelta(days=365)
MESSAGES_KEPT = timedelta(days=90)
"""The messages themselves, which hold names and places, go sooner than the ledger's lines."""

_SLICE = 5000
_SETTLED = ("sent", "failed", "suppressed")


@dataclass(frozen=True)
class Cleaned:
    """How many of each were deleted; `abandoned` exports were marked as failed."""

    files: int = 0
    abandoned: int = 0
    leftovers: int = 0
    tokens: int = 0
    messages: int = 0
    deliveries: int = 0
    audit: int = 0
    exports: int = 0
    price_changes: int = 0
    bookings: int = 0
    """Whose personal data was erased."""

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def clean_up(moment: datetime | None = None) -> Cleaned:
    """Delete everything that has expired as of a moment (now by default). Idempotent."""
    moment, kept = moment or now(), settings()
    exports = export_service.remove_expired_exports(moment)
    forgotten = tokens.delete_expired(moment)
    db.session.commit()
    return Cleaned(
        files=exports.files,
        abandoned=exports.abandoned,
        leftovers=exports.leftovers,
        tokens=forgotten,
        messages=_remove(DeliveryMessage.delivery_id, DeliveryMessage.created_at < moment - MESSAGES_KEPT),
        deliveries=_remove(Delivery.id, Delivery.created_at < moment - DELIVERIES_KEPT, Delivery.state.in_(_SETTLED)),
        audit=_remove_old(AuditEntry, kept.audit_kept_days, moment),
        exports=_remove_old(Export, kept.exports_kept_days, moment, Export.state.in_(("failed", "removed"))),
        price_changes=_remove_old(PriceChange, kept.price_changes_kept_days, moment),
        bookings=_erase_bookings(kept.booking_data_kept_days, moment),
    )


def _remove_old(table: Any, days: int | None, moment: datetime, *conditions: Any) -> int:
    """Delete the rows that are older than so many days; None keeps them."""
    if days is None:
        return 0
    return _remove(table.id, table.created_at < moment - timedelta(days=days), *conditions)


def _erase_bookings(days: int | None, moment: datetime) -> int:
    return 0 if days is None else personal_data.erase_old_bookings(moment - timedelta(days=days))


def _remove(key: Any, *conditions: Any) -> int:
    """Delete the rows in batches, one per transaction, so that the database is never locked for long."""
    table, removed = key.class_, 0
    while True:
        ids = sa.select(key).where(*conditions).limit(_SLICE)
        count = execute_count(sa.delete(table).where(key.in_(ids)))
        db.session.commit()
        removed += count
        if count < _SLICE:
            return removed
