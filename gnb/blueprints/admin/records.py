"""Every change made on these pages is written down: who, what, to what, and to how many."""

from typing import Any

from gnb.blueprints.access import caller
from gnb.extensions import db
from gnb.services import audit_service


def record(action: str, target: str, count: int = 1, **details: Any) -> None:
    """Write one change down under the name of whoever is signed in."""
    audit_service.record(caller(), action, target, count, details)
    db.session.commit()
