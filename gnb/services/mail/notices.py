"""Notices about jobs: to the account whose export has ended, and to admins of a failed job that nobody watches."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from gnb.extensions import db, settings
from gnb.messages.formats import text_language
from gnb.models import ADMIN_ROLES, Delivery, Export, User
from gnb.services.exports import ExportNotFound
from gnb.services.mail import InvalidMessage, ledger
from gnb.services.mail.addresses import one_line
from gnb.services.mail.message import render

log = structlog.stdlib.get_logger(__name__)


def plan_export_notification(export: Export) -> Delivery:
    """Plan the mail to the account that requested the export, once per outcome, in the caller's transaction.

    Raises ExportNotFound if the export has not ended or its account is gone, InvalidMessage.
    """
    user = export.requested_by
    if user is None or export.state not in ("completed", "failed"):
        raise ExportNotFound("no_reader", id=export.id)
    key = f"export:{export.id}:{export.state}"
    if known := db.session.query(Delivery).filter_by(unique_key=key).one_or_none():
        return known
    site_url = settings().site_url
    subject, html, text = render(
        "export-notification",
        text_language(user.language),
        site_url=site_url,
        name=one_line(user.name),
        ready=export.state == "completed",
        file_name=export.file_name or export.type,
        link_url=f"{site_url}/admin/exports/{export.id}/download" if export.file_key else f"{site_url}/admin/exports",
    )
    content = {"html": html, "text": text}
    return ledger.plan_for_user("email", user, subject=subject, content=content, unique_key=key)


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
