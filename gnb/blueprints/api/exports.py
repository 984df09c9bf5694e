"""`/api/v1/admin/exports`: request an export, follow it, download its file. For admins only, reading included."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.shared.access import signed_in_user
from gnb.blueprints.shared.responses import send_export
from gnb.messages import LocalizedSchema, localize, stored_error
from gnb.messages.schema import JsonBoolean, QueryNumber
from gnb.models import ADMIN_ROLES, EXPORT_STATES, EXPORT_TYPES, TEXT_LANGUAGES, Export, db
from gnb.services import audit, export_service
from gnb.services.queues.schemas import moment

LARGEST_PAGE = 200

blueprint = ApiBlueprint(
    "exports-api",
    __name__,
    url_prefix="/api/v1/admin/exports",
    description="Bookings, users and revenue as files",
    read=ADMIN_ROLES,
    change=ADMIN_ROLES,
)


class ExportRequest(LocalizedSchema):
    """The requested export. The filters depend on the type; each invalid one is named."""

    type = fields.String(required=True, validate=validate.OneOf(EXPORT_TYPES))
    filters = fields.Dict(keys=fields.String(), load_default=dict, allow_none=True)
    language = fields.String(
        validate=validate.OneOf(TEXT_LANGUAGES), metadata={"description": "Of a PDF; the caller's own unless given."}
    )
    notify = JsonBoolean(
        load_default=False,
        metadata={"description": "Whether the caller is mailed when it is ready or has failed."},
    )


class ExportPageQuery(LocalizedSchema):
    """Which part of the list: from `start` up to, not including, `end`."""

    start = QueryNumber(0, 10**9, load_default=0)
    end = QueryNumber(0, 10**9, load_default=None, allow_none=True)


class ExportSchema(Schema):
    """An export at one moment."""

    id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(EXPORT_TYPES))
    filters = fields.Dict(keys=fields.String(), required=True)
    language = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(EXPORT_STATES))
    jobId = fields.String(attribute="job_id", required=True, allow_none=True)
    progress = fields.Float(required=True, metadata={"description": "Percent of the rows counted."})
    rowsDone = fields.Integer(attribute="rows_done", required=True)
    rowsTotal = fields.Integer(attribute="rows_total", required=True, allow_none=True)
    fileName = fields.String(attribute="file_name", required=True, allow_none=True)
    size = fields.Integer(required=True, allow_none=True, metadata={"description": "Bytes."})
    error = fields.Function(lambda export: localize(stored_error(export)) or None, required=True, allow_none=True)
    createdAt = moment("created_at", "When it was asked for")
    startedAt = moment("started_at", "When its newest attempt began")
    finishedAt = moment("finished_at", "When it was completed or failed")
    expiresAt = moment("expires_at", "When its file is removed")


class ExportPageSchema(Schema):
    """Some exports, newest first."""

    exports = fields.List(fields.Nested(ExportSchema), required=True)
    count = fields.Integer(required=True, metadata={"description": "How many are in this answer."})
    total = fields.Integer(required=True)


@blueprint.endpoint("POST", "", ExportSchema, status=202, body=ExportRequest, message="Export requested.")
def request_export(wanted: dict[str, Any]) -> Export:
    """Request an export. If the broker is unreachable, it runs inline and is returned completed."""
    user = signed_in_user()
    language = wanted.get("language") or user.language
    export = export_service.request(wanted["type"], wanted["filters"], user, language, wanted["notify"])
    audit.record(user, "export.request", f"export/{export.id}", details={"type": export.type})
    db.session.commit()
    return export


@blueprint.endpoint("GET", "", ExportPageSchema, query=ExportPageQuery, message="The newest exports.")
def list_exports(wanted: dict[str, Any]) -> dict[str, Any]:
    """The exports so far, newest first."""
    start = wanted["start"]
    end = min(start + 20 if wanted["end"] is None else wanted["end"], start + LARGEST_PAGE)
    found, total = export_service.list_exports(start, max(start, end))
    return {"exports": found, "count": len(found), "total": total}


@blueprint.endpoint("GET", "/<string:export_id>", ExportSchema, errors=(404,), message="The export.")
def get_export(export_id: str) -> Export:
    """One export: its state, its progress, and what went wrong."""
    return export_service.get(export_id)


@blueprint.endpoint("GET", "/<string:export_id>/download", None, errors=(404, 409, 416))
def download_export(export_id: str) -> Response:
    """The file, streamed; honours `Range`, `If-Range` and `If-None-Match`. 409 while there is none."""
    return send_export(export_service.get(export_id))
