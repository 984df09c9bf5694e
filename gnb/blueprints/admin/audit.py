"""Who changed what."""

import re
from functools import partial
from typing import Any

from flask import current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin import blueprint
from gnb.blueprints.shared.pagination import page_of
from gnb.messages.labels import AUDIT_KIND_LABELS
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
    return render_template("admin/audit.html", entries=entries, pager=pager, wanted=wanted, kinds=AUDIT_KIND_LABELS)


_AUDIT_PAGES = {
    "booking": ("admin.booking", "booking_id"),
    "campaign": ("admin.campaign", "campaign_id"),
    "delivery": ("admin.email", "delivery_id"),
}

# An export's own id is a UUID with its dashes, a job's has none: `export/<id>` may be either.
_EXPORT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@blueprint.app_template_filter()
def target_url(target: str) -> str | None:
    """Return the page of `email/4711` or `email`; None for what has no page."""
    engine = current_app.extensions.get("engine")
    queue, _, job = target.partition("/")
    if queue == "export" and _EXPORT_ID.fullmatch(job):
        return url_for("admin.exports", _anchor=f"export-{job}")
    if queue in _AUDIT_PAGES and job.isdecimal():
        endpoint, name = _AUDIT_PAGES[queue]
        values: dict[str, Any] = {name: int(job)}
        return url_for(endpoint, **values)
    if queue == "tour" and job.isdecimal():
        return url_for("admin.tours", _anchor=f"tour-{job}")
    if queue == "schedule" and job:
        return url_for("admin.schedule", name=job)
    if engine is None or queue not in {each.name for each in engine.queues}:
        return None
    return url_for("admin.job", queue_name=queue, job_id=job) if job else url_for("admin.queue", queue_name=queue)
