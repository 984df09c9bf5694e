"""The weekly report: the figures of the last whole week, mailed to admins and managers with plots and a PDF.

    enqueue_weekly_report()          # jobs for the parts of the figures, and one that mails them when all are there
    send_weekly_report()             # without the queue; idempotent like the jobs: one mail per reader and week

The figures are computed once and stored with each delivery; mail and PDF are rendered from them when sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from gnb.extensions import db
from gnb.models import REPORT_READERS, Delivery, User, now
from gnb.queueing import Job
from gnb.services import queue_service
from gnb.services.mail import ledger
from gnb.services.mail.errors import InvalidMessage
from gnb.services.reports.week import PARTS, Week, figures

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Planned:
    """The result of a run: mails planned by it, and the number of readers."""

    week: str
    planned: int
    readers: int


def enqueue_weekly_report(week: Week | None = None, name: str = "") -> tuple[list[Job], Job]:
    """Enqueue a job for each part of the figures, and one that depends on them all; return those.

    The last one fails with a part that fails, and admins are told.

    Args:
        name: What the ids begin with: the same twice is one report.
    """
    week = week or Week.before(now())
    data = {"week": week.name}

    def job_id(part: str) -> dict[str, str]:
        return {"job_id": f"{name}-{part}"} if name else {}

    parts = [
        queue_service.add_scheduled_job("compute-weekly-figures", {**data, "part": part}, **job_id(part))
        for part in PARTS
    ]
    last = queue_service.add_scheduled_job(
        "send-weekly-report",
        data,
        depends_on=parts,
        on_parent_failure="cancel",
        on_failure="email/job-failure-notice",
        **job_id("send"),
    )
    return parts, last


def send_weekly_report(
    moment: datetime | None = None, week: Week | None = None, report: dict[str, Any] | None = None
) -> Planned:
    """Plan a mail to every reader who has none for that week yet. Commits. Idempotent.

    Args:
        report: The figures, where they are computed already.
    """
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
        content: dict[str, Any] = {"report": report or figures(week)}
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
