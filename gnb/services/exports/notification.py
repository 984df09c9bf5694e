"""The mail that says that an export is ready, with the link to its file, or that it failed."""

from __future__ import annotations

from gnb.extensions import db, settings
from gnb.models import Delivery, Export
from gnb.services.exports.errors import ExportNotFound
from gnb.services.mail import ledger
from gnb.services.mail.addresses import one_line
from gnb.services.mail.rendering import render
from gnb.services.mail.words import text_language


def plan_notification(export: Export) -> Delivery:
    """Plan the mail to the account that requested the export, once per outcome, in the caller's transaction.

    Raises ExportNotFound if the export has not ended or its account is gone, InvalidMessage.
    """
    user = export.requested_by
    if user is None or export.state not in ("completed", "failed"):
        raise ExportNotFound(f"export {export.id} has not ended, or nobody is left to be told")
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
