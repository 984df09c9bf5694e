"""The weekly report: the figures of the last whole week, mailed to admins and managers with plots and a PDF.

    send_weekly_report()             # idempotent: one mail per reader and week

The figures are computed once and stored with each delivery; mail and PDF are rendered from them when sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from gnb.extensions import db
from gnb.models import REPORT_READERS, Delivery, User, now
from gnb.services.mail import ledger
from gnb.services.mail.errors import InvalidMessage
from gnb.services.reports.week import Week, figures

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Planned:
    """The result of a run: mails planned by it, and the number of readers."""

    week: str
    planned: int
    readers: int


def send_weekly_report(moment: datetime | None = None, week: Week | None = None) -> Planned:
    """Plan a mail to every reader who has none for that week yet. Commits. Idempotent."""
    week = week or Week.before(moment or now())
    wanted = sa.select(User).where(User.active, User.role.in_(sorted(REPORT_READERS)))
    readers = db.session.scalars(wanted.order_by(User.id)).all()
    known = set(
        db.session.scalars(
            sa.select(Delivery.unique_key).where(Delivery.unique_key.in_([_key(week, user) for user in readers]))
        )
    )
    missing = [user for user in readers if _key(week, user) not in known]
    if missing:
        content: dict[str, Any] = {"report": figures(week)}
        missing = [user for user in missing if _plan(week, user, content)]
        db.session.commit()
    return Planned(week.name, len(missing), len(readers))


def _plan(week: Week, user: User, content: dict[str, Any]) -> bool:
    """Plan the mail and return True; return False for an account with an invalid address, so that others get theirs."""
    try:
        ledger.plan_for_user("weekly-report", user, unique_key=_key(week, user), content=content)
    except InvalidMessage:
        log.warning("an account has no address that mail can go to", user=user.id)
        return False
    return True


def _key(week: Week, user: User) -> str:
    return f"weekly-report:{week.name}:user:{user.id}"
