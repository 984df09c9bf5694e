"""Extras: created, changed and retired by an administrator; a booking keeps the price that it was made at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Extra, User
from gnb.services import audit


class CodeTaken(Exception):
    """Another extra has this code."""


def list_extras() -> list[Extra]:
    """Return every extra, those on sale first, in the order of the booking form."""
    return list(db.session.scalars(sa.select(Extra).order_by(Extra.active.desc(), Extra.position, Extra.code)))


def save_extra(extra: Extra, values: Mapping[str, Any], actor: User) -> Extra:
    """Save a new or changed extra, with an audit entry. Commits. Raises CodeTaken."""
    is_new = sa.inspect(extra).transient
    changed = sorted(name for name, value in values.items() if value != getattr(extra, name))
    for name, value in values.items():
        setattr(extra, name, value)
    db.session.add(extra)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise CodeTaken from None
    details = {} if is_new else {"changed": changed}
    audit.record(actor, "extra.create" if is_new else "extra.change", f"extra/{extra.code}", details=details)
    db.session.commit()
    return extra
