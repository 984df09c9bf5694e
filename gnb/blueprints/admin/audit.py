"""Who changed what."""

from functools import partial

from flask import render_template, request
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.presenters.audit_words import KINDS
from gnb.blueprints.admin.presenters.pages import page_of
from gnb.services.audit import AuditFilter
from gnb.services.audit import entries as audit_entries

PAGE_SIZE = 50


@blueprint.get("/audit")
def audit() -> ResponseReturnValue:
    """Show the changes, newest first; `action` may be the beginning of one, `target` is a whole one."""
    wanted = AuditFilter(
        action=request.args.get("action", "")[:60] or None,
        target=request.args.get("target", "").strip()[:200] or None,
    )
    entries, pager = page_of(partial(audit_entries, wanted), PAGE_SIZE)
    return render_template("admin/audit.html", entries=entries, pager=pager, wanted=wanted, kinds=KINDS)
