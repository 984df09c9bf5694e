"""The jobs of the queue `export`: each makes one file.

Data: `{"filters": {…}}`. Filters may also stand beside one another without `filters`, as in
`{"startDate": "2026-01-01"}`. The job makes a row of its own, named after the job, so that a second attempt finds it
again. With an `exportId` it makes that row's file: the filters that count are the row's, and those here are for people
who look at the job. Comes back: `{"exportId", "fileName", "rows", "bytes"}`.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from marshmallow import ValidationError, fields, post_load, validate

from gnb.queueing import FinalError, JobContext, job
from gnb.services import export_service
from gnb.services.exports.errors import AttemptSuperseded, ExportNotFound, InvalidFilters
from gnb.services.exports.filters import BookingsFilters, Filters, RevenueFilters, UsersFilters, dump_filters


class _ExportData(Filters):
    """Filters, as they are or under the name `filters`, and the export they belong to."""

    export_id = fields.String(data_key="exportId", validate=validate.Length(1, 36), metadata={"hidden": True})

    @post_load
    def _gather(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        nested = data.pop("filters", {})
        export_id = data.pop("export_id", None)
        twice = sorted(set(nested) & set(data))
        if twice:
            raise ValidationError("given twice, beside `filters` and in it", self.fields[twice[0]].data_key or twice[0])
        return {"filters": {**data, **nested}, "export_id": export_id}


class BookingsData(_ExportData, BookingsFilters):
    """Data of `bookings-csv` and `bookings-pdf`."""

    filters = fields.Nested(BookingsFilters)


class RevenueData(_ExportData, RevenueFilters):
    """Data of `revenue-csv` and `revenue-pdf`."""

    filters = fields.Nested(RevenueFilters)


class UsersData(_ExportData, UsersFilters):
    """Data of `users-csv`."""

    filters = fields.Nested(UsersFilters)


@job("export", "bookings-csv", BookingsData)
def bookings_csv(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Bookings as a CSV file."""
    return _make(data, running)


@job("export", "users-csv", UsersData)
def users_csv(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Accounts as a CSV file."""
    return _make(data, running)


@job("export", "revenue-csv", RevenueData)
def revenue_csv(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Revenue by day and tour as a CSV file."""
    return _make(data, running)


@job("export", "bookings-pdf", BookingsData)
def bookings_pdf(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """Bookings as a PDF document."""
    return _make(data, running)


@job("export", "revenue-pdf", RevenueData)
def revenue_pdf(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    """The revenue report as a PDF document."""
    return _make(data, running)


def _make(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    last = running.attempt >= running.attempts
    try:
        export_id = data["export_id"] or _own_export(data["filters"], running)
        export = export_service.run(export_id, running.id or None, last, running.progress)
    except (ExportNotFound, AttemptSuperseded, InvalidFilters) as error:
        # A second attempt would meet the same.
        raise FinalError(str(error)) from error
    return {
        "exportId": export.id,
        "fileName": export.file_name,
        "rows": export.rows_done,
        "bytes": export.size,
    }


def _own_export(filters: dict[str, Any], running: JobContext) -> str:
    """The row of a job that came without one: the same for every attempt of the job."""
    name = f"{running.queue}/{running.id or uuid4()}"
    written = dump_filters(running.type, filters)
    return export_service.ensure(running.type, written, str(uuid5(NAMESPACE_OID, name))).id
