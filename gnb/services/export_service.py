"""Exports: request, run, list, download and remove them.

    result = export_bookings_csv_async({"status": "confirmed"})
    result.job_id                    # queued, or
    result.sync, result.data         # run inline, because the broker was unreachable

    export_bookings_csv({"status": "confirmed"})      # returns the text

Every export begins with its row in the table `exports`; the job carries the row's id and nothing else. Filters are
those of `gnb.services.exports.filters`; each function raises InvalidFilters naming every wrong field.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import joinedload

from gnb.extensions import settings
from gnb.messages import make_message
from gnb.models import DEFAULT_LANGUAGE, Export, Tour, User, db, now
from gnb.queueing import Job
from gnb.queueing.errors import QueueUnavailable
from gnb.services import queue_service
from gnb.services.exports import (
    ExportNotFound,
    FileNotAvailable,
    InvalidFilters,
    attempts,
    clean_up,
)
from gnb.services.exports.filters import dump_filters, load_filters
from gnb.services.exports.storage import open_storage
from gnb.services.mail.notices import plan_export_notification
from gnb.services.queue_service import Progress, noop_progress

log = structlog.stdlib.get_logger(__name__)

Filters = Mapping[str, Any]


@dataclass(frozen=True)
class ExportResult:
    """The outcome of a request: queued as `job_id`, or, with the broker unreachable, run inline (`sync`)."""

    export_id: str
    job_id: str | None
    sync: bool
    success: bool = True

    @property
    def data(self) -> str | bytes | None:
        """The file of an inline run: text of a CSV, bytes of an XLSX or PDF file. None for a queued export."""
        if not self.sync:
            return None
        export = get(self.export_id)
        whole = b"".join(read_file(export))
        return whole.decode() if export.type.endswith("-csv") else whole


@dataclass(frozen=True)
class Removed:
    """Counts of what a clean-up removed or marked as failed."""

    files: int
    abandoned: int
    leftovers: int


def export_bookings_csv(filters: Filters | None = None) -> str:
    """Return the bookings as CSV text. It is held in memory: for many bookings, queue the export and read its file."""
    return _make("bookings-csv", filters).decode()


def export_users_csv(filters: Filters | None = None) -> str:
    """Return the accounts as CSV text."""
    return _make("users-csv", filters).decode()


def export_revenue_csv(filters: Filters | None = None) -> str:
    """Return revenue by day and tour as CSV text."""
    return _make("revenue-csv", filters).decode()


def generate_revenue_pdf(filters: Filters | None = None, language: str = DEFAULT_LANGUAGE) -> bytes:
    """Return the revenue report as a PDF, in Turkish or English."""
    return _make("revenue-pdf", filters, language)


def generate_bookings_pdf(filters: Filters | None = None, language: str = DEFAULT_LANGUAGE) -> bytes:
    """Return the list of bookings as a PDF, in Turkish or English."""
    return _make("bookings-pdf", filters, language)


def export_bookings_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """Queue the export. Options of all `_async` functions: `requested_by` (a User), `language`, `notify`."""
    return _result(request("bookings-csv", filters, **options))


def export_users_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """Queue the export."""
    return _result(request("users-csv", filters, **options))


def export_revenue_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """Queue the export."""
    return _result(request("revenue-csv", filters, **options))


def generate_revenue_pdf_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """Queue the export."""
    return _result(request("revenue-pdf", filters, **options))


def generate_bookings_pdf_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """Queue the export."""
    return _result(request("bookings-pdf", filters, **options))


def request(
    export_type: str,
    filters: Filters | None = None,
    requested_by: User | None = None,
    language: str = DEFAULT_LANGUAGE,
    notify: bool = False,
) -> Export:
    """Create the export and queue it; with the broker unreachable, run it inline. Commits.

    Args:
        notify: Mail the account that requests it when the export has ended.

    Raises:
        UnknownExportType, InvalidFilters, TooManyExports, and for an inline run ExportTooLarge and the errors of `run`.
    """
    if requested_by:
        clean_up.check_open_exports(requested_by)
    export = create(export_type, filters, requested_by, language)
    try:
        job = queue_service.add_export_job(export_type, {"exportId": export.id})
    except QueueUnavailable as error:
        log.warning("an export runs inline, without the queue", export=export.id, cause=str(error))
        return _notified(run(export.id, progress=attempts.inline_bounds()), notify)
    export.job_id = job.id
    db.session.commit()
    if notify and requested_by:
        _enqueue_notification(export.id, job)
    return export


def _enqueue_notification(export_id: str, job: Job) -> None:
    """Let a job mail the outcome once the export's job has ended."""
    options = {"depends_on": job, "on_parent_failure": "run"}
    try:
        queue_service.add_email_job("export-notification", {"exportId": export_id}, **options)
    except QueueUnavailable as error:
        log.warning("nobody will be told that the export has ended", export=export_id, cause=str(error))


def _notified(export: Export, notify: bool) -> Export:
    if notify and export.requested_by:
        plan_export_notification(export)
        db.session.commit()
    return export


def create(
    export_type: str,
    filters: Filters | None = None,
    requested_by: User | None = None,
    language: str = DEFAULT_LANGUAGE,
    job_id: str | None = None,
) -> Export:
    """Create an export in state `waiting` without queueing it. Commits.

    Raises UnknownExportType and InvalidFilters.
    """
    loaded = load_filters(export_type, filters)
    tour = loaded.get("tour")
    if tour is not None and db.session.get(Tour, tour) is None:
        raise InvalidFilters({"tour": [make_message("invalid_field.unknown_tour", id=str(tour))]})
    export = Export(
        type=export_type,
        filters=dump_filters(export_type, loaded),
        language=language,
        requested_by_id=requested_by.id if requested_by else None,
        job_id=job_id,
    )
    db.session.add(export)
    db.session.commit()
    return export


def create_for_job(export_type: str, filters: Filters | None, job_id: str | None, goes_on: bool) -> Export:
    """Return the row of a job that was added without one. Commits.

    Args:
        goes_on: Whether an earlier attempt of the job may have created the row; its newest one is then used.
    """
    newest = sa.select(Export).where(Export.job_id == job_id, Export.type == export_type)
    found = db.session.scalars(newest.order_by(Export.created_at.desc()).limit(1)).first() if goes_on else None
    return found or create(export_type, filters, job_id=job_id)


def create_again(export_id: str) -> Export:
    """Create an export like this one, in state `waiting`, without queueing it. Commits. Raises ExportNotFound."""
    old = get(export_id)
    return create(old.type, old.filters, old.requested_by, old.language)


def is_made_elsewhere(export_id: str, job_id: str | None) -> bool:
    """Return whether another job has completed the export: a new job is to make a new file. Raises ExportNotFound."""
    export = get(export_id)
    return export.state in ("completed", "removed") and export.job_id is not None and export.job_id != job_id


def run(export_id: str, job_id: str | None = None, last: bool = True, progress: Progress = noop_progress) -> Export:
    """Write the export's file now and return the row. Raises as `attempts.run_attempt`.

    Args:
        last: Whether no other attempt follows; decides between `failed` and `waiting` after an error.
    """
    attempts.run_attempt(_backend(), export_id, job_id, last, progress)
    return get(export_id)


def get(export_id: str) -> Export:
    """Return the export. Raises ExportNotFound."""
    export = db.session.get(Export, export_id, populate_existing=True)
    if export is None:
        raise ExportNotFound(id=export_id)
    clean_up.fail_lost([export])
    return export


def list_exports(start: int = 0, end: int = 20) -> tuple[list[Export], int]:
    """Return the exports at [start, end), newest first, and the total."""
    found = db.session.scalars(
        sa.select(Export)
        .options(joinedload(Export.requested_by))
        .order_by(Export.created_at.desc(), Export.id)
        .slice(start, end)
    ).all()
    clean_up.fail_lost(found)
    return list(found), db.session.scalar(sa.select(sa.func.count()).select_from(Export)) or 0


def file_size(export: Export) -> int:
    """Return the size of the file in bytes. Raises FileNotAvailable with the reason if there is none."""
    if export.state == "removed":
        raise FileNotAvailable("removed")
    if export.state == "failed":
        raise FileNotAvailable("failed")
    if export.state != "completed" or not export.file_key:
        raise FileNotAvailable("not_ready")
    size = _backend().storage.size(export.file_key)
    if size is None or size != export.size:
        raise FileNotAvailable("lost")
    return size


def read_file(export: Export, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes [start, end) of the file in pieces. Raises FileNotAvailable."""
    size = file_size(export)
    assert export.file_key is not None  # noqa: S101 - checked by file_size
    return _backend().storage.read(export.file_key, start, size if end is None else end)


def remove_expired_exports(moment: datetime | None = None) -> Removed:
    """Remove files older than seven days and the remains of failed attempts; the rows are kept."""
    moment = moment or now()
    backend = _backend()
    return Removed(
        files=clean_up.remove_expired(backend, moment),
        abandoned=clean_up.fail_abandoned(moment),
        leftovers=clean_up.remove_leftovers(backend, moment),
    )


def _backend() -> attempts.ExportBackend:
    return attempts.ExportBackend(db.engine, open_storage(settings().export_storage, db.engine))


def _make(export_type: str, filters: Filters | None, language: str = DEFAULT_LANGUAGE) -> bytes:
    whole = io.BytesIO()
    attempts.write_export(export_type, load_filters(export_type, filters), language, whole, db.engine)
    return whole.getvalue()


def _result(export: Export) -> ExportResult:
    sync = export.state == "completed" and export.job_id is None
    return ExportResult(export.id, None if sync else export.job_id, sync)
