"""The mail that tells admins that a job failed which nobody watches."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from gnb.extensions import db, settings
from gnb.models import ADMIN_ROLES, Delivery, User
from gnb.services.mail import ledger
from gnb.services.mail.addresses import one_line
from gnb.services.mail.errors import InvalidMessage
from gnb.services.mail.rendering import render
from gnb.services.mail.words import text_language

log = structlog.stdlib.get_logger(__name__)


def send_failure_notice(notice_id: str, job_id: str, queue: str, job_type: str, error: str) -> int:
    """Plan a mail to every admin, once for each `notice_id`, and return the number planned. Commits."""
    admins = db.session.scalars(sa.select(User).where(User.active, User.role.in_(ADMIN_ROLES)).order_by(User.id)).all()
    keys = {user.id: f"job-failure:{notice_id}:user:{user.id}" for user in admins}
    known = set(db.session.scalars(sa.select(Delivery.unique_key).where(Delivery.unique_key.in_(keys.values()))))
    planned = 0
    for user in admins:
        if keys[user.id] in known:
            continue
        subject, html, text = render(
            "job-failure",
            text_language(user.language),
            site_url=settings().site_url,
            job_type=job_type,
            error=one_line(error, 500),
            link_url=f"{settings().site_url}/admin/jobs/{queue}/{job_id}",
        )
        content = {"html": html, "text": text}
        try:
            ledger.plan_for_user("email", user, subject=subject, content=content, unique_key=keys[user.id])
            planned += 1
        except InvalidMessage:
            log.warning("an account has no address that mail can go to", user=user.id)
    db.session.commit()
    return planned
