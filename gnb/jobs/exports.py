"""The jobs of the queue `export`: each writes one file.

Data: `{"exportId": "…"}`, the row of the export, which holds its filters. A job may be added with filters instead, as
`{"filters": {…}}` or directly as `{"startDate": "2026-01-01"}`; its first attempt then creates the row. Result:
`{"exportId", "fileName", "rows", "bytes"}`.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, post_load, validate

from gnb.messages import make_message
from gnb.queueing import FinalError, JobContext, job
from gnb.services import export_service
from gnb.services.exports import AttemptSuperseded, ExportNotFound, InvalidFilters
from gnb.services.exports.filters import BookingsFilters, Filters, RevenueFilters, UsersFilters, dump_filters
from gnb.services.queue_service import job_progress
from gnb.services.queues import reading


class _ExportData(Filters):
    """The id of an export, or filters, directly or in `filters`."""

    export_id = fields.String(data_key="exportId", validate=validate.Length(1, 36), metadata={"hidden": True})

    @post_load
    def _gather(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        nested = data.pop("filters", {})
        export_id = data.pop("export_id", None)
        duplicates = sorted(set(nested) & set(data))
        if duplicates:
            field = self.fields[duplicates[0]].data_key or duplicates[0]
            raise ValidationError(make_message("invalid_field.given_twice"), field)
        return {"filters": {**data, **nested}, "export_id": export_id}


class BookingsData(_ExportData, BookingsFilters):
    """Data of exports of bookings."""

    filters = fields.Nested(BookingsFilters)


class RevenueData(_ExportData, RevenueFilters):
    """Data of exports of revenue."""

    filters = fields.Nested(RevenueFilters)


class UsersData(_ExportData, UsersFilters):
    """Data of exports of accounts."""

    filters = fields.Nested(UsersFilters)


@job("export", "bookings-csv", BookingsData, description=_l("Exports bookings as a CSV file."))
def bookings_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export bookings as a CSV file."""
    return _run(data, context)


@job("export", "users-csv", UsersData, description=_l("Exports accounts as a CSV file."))
def users_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export accounts as a CSV file."""
    return _run(data, context)


@job("export", "revenue-csv", RevenueData, description=_l("Exports revenue by day and tour as a CSV file."))
def revenue_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export revenue by day and tour as a CSV file."""
    return _run(data, context)


@job("export", "bookings-xlsx", BookingsData, description=_l("Exports bookings as an Excel file."))
def bookings_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export bookings as an Excel file."""
    return _run(data, context)


@job("export", "users-xlsx", UsersData, description=_l("Exports accounts as an Excel file."))
def users_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export accounts as an Excel file."""
    return _run(data, context)


@job("export", "revenue-xlsx", RevenueData, description=_l("Exports revenue by day and tour as an Excel file."))
def revenue_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export revenue by day and tour as an Excel file."""
    return _run(data, context)


@job("export", "bookings-pdf", BookingsData, description=_l("Exports bookings as a PDF document."))
def bookings_pdf(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export bookings as a PDF document."""
    return _run(data, context)


@job("export", "revenue-pdf", RevenueData, description=_l("Exports the revenue report as a PDF document."))
def revenue_pdf(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Export the revenue report as a PDF document."""
    return _run(data, context)


def _run(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    job_id = context.id or None
    last = context.attempt >= context.attempts
    try:
        export_id, before = data["export_id"], reading.previous_outcome(context)
        if export_id is None:
            filters = dump_filters(context.type, data["filters"])
            goes_on = before not in (None, "completed")
            export_id = export_service.create_for_job(context.type, filters, job_id, goes_on).id
        elif before == "completed" or export_service.is_made_elsewhere(export_id, job_id):
            # A person runs the job again, or another one with its data, to have a new file.
            export_id = export_service.create_again(export_id).id
        export = export_service.run(export_id, job_id, last, job_progress(context, "progress.rows"))
    except (ExportNotFound, AttemptSuperseded, InvalidFilters) as error:
        # Another attempt would raise the same error.
        raise FinalError(error) from error
    return {"exportId": export.id, "fileName": export.file_name, "rows": export.rows_done, "bytes": export.size}
