"""The jobs of the queue `export`: each writes one file.

Data: `{"exportId": "…"}`, the row of the export, which holds its filters. A job may be added with filters instead, as
`{"filters": {…}}` or directly as `{"startDate": "2026-01-01"}`; its first attempt then creates the row. Result:
`{"exportId", "fileName", "rows", "bytes"}`.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from gnb.queueing import FinalError, JobContext, job
from gnb.services import export_service
from gnb.services.exports.errors import AttemptSuperseded, ExportNotFound, InvalidFilters
from gnb.services.exports.filters import BookingsFilters, Filters, RevenueFilters, UsersFilters, dump_filters
from gnb.services.progress import job_progress


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
            raise ValidationError("given twice, beside `filters` and in it", field)
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


@job("export", "bookings-csv", BookingsData)
def bookings_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Bookings as a CSV file."""
    return _run(data, context)


@job("export", "users-csv", UsersData)
def users_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Accounts as a CSV file."""
    return _run(data, context)


@job("export", "revenue-csv", RevenueData)
def revenue_csv(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Revenue by day and tour as a CSV file."""
    return _run(data, context)


@job("export", "bookings-xlsx", BookingsData)
def bookings_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Bookings as an Excel file."""
    return _run(data, context)


@job("export", "users-xlsx", UsersData)
def users_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Accounts as an Excel file."""
    return _run(data, context)


@job("export", "revenue-xlsx", RevenueData)
def revenue_xlsx(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Revenue by day and tour as an Excel file."""
    return _run(data, context)


@job("export", "bookings-pdf", BookingsData)
def bookings_pdf(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """Bookings as a PDF document."""
    return _run(data, context)


@job("export", "revenue-pdf", RevenueData)
def revenue_pdf(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """The revenue report as a PDF document."""
    return _run(data, context)


def _run(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    job_id = context.id or None
    last = context.attempt >= context.attempts
    try:
        export_id = data["export_id"]
        if export_id is None:
            filters = dump_filters(context.type, data["filters"])
            export_id = export_service.create_for_job(context.type, filters, job_id).id
        export = export_service.run(export_id, job_id, last, job_progress(context, "rows"))
    except (ExportNotFound, AttemptSuperseded, InvalidFilters) as error:
        # Another attempt would raise the same error.
        raise FinalError(str(error)) from error
    return {"exportId": export.id, "fileName": export.file_name, "rows": export.rows_done, "bytes": export.size}
