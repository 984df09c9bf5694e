"""Who changed what."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.audit_words import KINDS
from gnb.blueprints.admin.presenters.pages import Pager, page_number
from gnb.services import audit_service
from gnb.services.audit_service import AuditFilter

PAGE_SIZE = 50


@blueprint.get("/audit")
def audit() -> ResponseReturnValue:
    """Show the changes, newest first; `action` may be the beginning of one, `target` is a whole one."""
    wanted = AuditFilter(
        action=request.args.get("action", "")[:60] or None,
        target=request.args.get("target", "").strip()[:200] or None,
    )
    number = page_number()
    entries, total = audit_service.entries(wanted, (number - 1) * PAGE_SIZE, number * PAGE_SIZE)
    return render_template(
        "admin/audit.html", entries=entries, pager=Pager(number, total, PAGE_SIZE), wanted=wanted, kinds=KINDS
    )
