"""Exports: request one, follow its progress, download its file."""

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import done, rejected
from gnb.blueprints.admin.schema_forms import filter_fields, other_errors, read_form
from gnb.blueprints.shared.access import admin_required, signed_in_user
from gnb.blueprints.shared.pagination import page_of
from gnb.blueprints.shared.responses import send_export
from gnb.messages import localize
from gnb.messages.labels import EXPORT_LABELS
from gnb.models import db
from gnb.services import audit, export_service
from gnb.services.exports import ExportError, ExportNotFound, FileNotAvailable, InvalidFilters, StorageError
from gnb.services.exports.filters import filters_schema


@blueprint.get("/exports")
def exports() -> ResponseReturnValue:
    """Show the form of the requested type, and the exports, newest first."""
    return _page(_chosen(request.args.get("type")), {}, {})


@blueprint.post("/exports")
def request_export() -> ResponseReturnValue:
    """Request an export, or show the errors of its filters."""
    if again := request.form.get("again"):
        old = export_service.get(again)
        chosen, filters = old.type, dict(old.filters)
    else:
        chosen = _chosen(request.form.get("type"))
        filters = read_form(filters_schema(chosen), request.form)
    title = EXPORT_LABELS[chosen].title
    try:
        notify = request.form.get("notify") == "true"
        export = export_service.request(chosen, filters, signed_in_user(), str(get_locale()), notify)
    except InvalidFilters as error:
        return _page(chosen, filters, error.errors), 422
    except ExportError as error:  # ran inline, because the broker is unreachable, and failed
        return rejected(localize(error), url_for("admin.exports", type=chosen))
    audit.record(signed_in_user(), "export.request", f"export/{export.id}", details={"type": chosen})
    db.session.commit()
    if export.state == "completed":
        message = gettext("%(title)s is ready. The broker is unreachable, so the export ran inline.", title=title)
        return done(message, url_for("admin.exports", type=chosen))
    message = gettext("%(title)s is being generated.", title=title)
    return done(message, url_for("admin.exports", type=chosen))


@blueprint.errorhandler(ExportNotFound)
def no_such_export(_error: ExportNotFound) -> ResponseReturnValue:
    """Say that there is none."""
    return rejected(gettext("Export not found."), url_for("admin.exports"))


@blueprint.get("/exports/<export_id>/download")
@admin_required
def download_export(export_id: str) -> ResponseReturnValue:
    """Send the file; a CSV with a byte-order mark, unless `plain` is in the address."""
    try:
        return send_export(export_service.get(export_id), for_excel="plain" not in request.args)
    except (FileNotAvailable, StorageError) as error:
        return rejected(localize(error), url_for("admin.exports"))


def _page(chosen: str, values: dict[str, Any], errors: dict[str, Any]) -> str:
    schema = filters_schema(chosen)
    found, pager = page_of(export_service.list_exports)
    return render_template(
        "admin/exports.html",
        live=True,
        types=EXPORT_LABELS,
        chosen=chosen,
        fields=filter_fields(schema, values, errors),
        other_errors=other_errors(schema, errors),
        exports=found,
        pager=pager,
    )


def _chosen(wanted: str | None) -> str:
    return wanted if wanted in EXPORT_LABELS else next(iter(EXPORT_LABELS))
