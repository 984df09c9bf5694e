"""Exports: ask for one, make one, look at one, hand out its file, remove the old ones.

    result = export_bookings_csv_async({"status": "confirmed"})
    result.job_id                    # queued, or
    result.sync, result.data         # done at once, because the broker is away

    export_bookings_csv({"status": "confirmed"})      # the text itself, here and now

Filters are those of `gnb.services.exports.filters`; each function raises InvalidFilters naming every wrong field.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import joinedload

from gnb.extensions import settings
from gnb.models import DEFAULT_LANGUAGE, Export, Tour, User, db, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services import queue_service
from gnb.services.exports import attempts, clean_up
from gnb.services.exports.errors import ExportNotFound, FileNotAvailable, InvalidFilters
from gnb.services.exports.filters import dump_filters, load_filters
from gnb.services.exports.lost import fail_lost
from gnb.services.exports.making import write_export
from gnb.services.exports.storage import open_storage

log = structlog.stdlib.get_logger(__name__)

Filters = Mapping[str, Any]


@dataclass(frozen=True)
class ExportResult:
    """What became of a request: queued as `job_id`, or, with the broker away, done at once (`sync`)."""

    export_id: str
    job_id: str | None
    sync: bool
    success: bool = True

    @property
    def data(self) -> str | bytes | None:
        """The file when it was done at once: text of a CSV, bytes of a PDF. None while it is queued."""
        if not self.sync:
            return None
        export = get(self.export_id)
        whole = b"".join(read_file(export))
        return whole.decode() if export.type.endswith("-csv") else whole


@dataclass(frozen=True)
class Removed:
    """What a clean-up removed or gave up."""

    files: int
    abandoned: int
    leftovers: int


def export_bookings_csv(filters: Filters | None = None) -> str:
    """The bookings as CSV text. It is held in memory whole: for many, queue it and read the file."""
    return _make("bookings-csv", filters).decode()


def export_users_csv(filters: Filters | None = None) -> str:
    """The accounts as CSV text."""
    return _make("users-csv", filters).decode()


def export_revenue_csv(filters: Filters | None = None) -> str:
    """Revenue by day and tour as CSV text."""
    return _make("revenue-csv", filters).decode()


def generate_revenue_pdf(filters: Filters | None = None, language: str = DEFAULT_LANGUAGE) -> bytes:
    """The revenue report as a PDF, in Turkish or English."""
    return _make("revenue-pdf", filters, language)


def generate_bookings_pdf(filters: Filters | None = None, language: str = DEFAULT_LANGUAGE) -> bytes:
    """The list of bookings as a PDF, in Turkish or English."""
    return _make("bookings-pdf", filters, language)


def export_bookings_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """The same, queued. Options of all these: `requested_by` (a User), `language`."""
    return _result(request("bookings-csv", filters, **options))


def export_users_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """The same, queued."""
    return _result(request("users-csv", filters, **options))


def export_revenue_csv_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """The same, queued."""
    return _result(request("revenue-csv", filters, **options))


def generate_revenue_pdf_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """The same, queued."""
    return _result(request("revenue-pdf", filters, **options))


def generate_bookings_pdf_async(filters: Filters | None = None, **options: Any) -> ExportResult:
    """The same, queued."""
    return _result(request("bookings-pdf", filters, **options))


def request(
    export_type: str, filters: Filters | None = None, requested_by: User | None = None, language: str = DEFAULT_LANGUAGE
) -> Export:
    """The export's row: queued, or, with the broker away, completed already. Commits.

    Raises UnknownExportType and InvalidFilters; done at once, also what making the file raises.
    """
    export = create(export_type, filters, requested_by, language)
    data = {"filters": export.filters, "exportId": export.id}
    try:
        job = queue_service.add_export_job(export_type, data)
    except QueueUnavailable as error:
        log.warning("an export is made at once, without the queue", export=export.id, cause=str(error))
        return run(export.id)
    export.job_id = job.id
    db.session.commit()
    return export


def create(
    export_type: str,
    filters: Filters | None = None,
    requested_by: User | None = None,
    language: str = DEFAULT_LANGUAGE,
    export_id: str | None = None,
) -> Export:
    """A new export in state `waiting`, not queued yet, with that id or a new one. Commits.

    Raises UnknownExportType and InvalidFilters.
    """
    loaded = load_filters(export_type, filters)
    tour = loaded.get("tour")
    if tour is not None and db.session.get(Tour, tour) is None:
        raise InvalidFilters({"tour": [f"there is no tour {tour}"]})
    export = Export(
        id=export_id or str(uuid4()),
        type=export_type,
        filters=dump_filters(export_type, loaded),
        language=language,
        requested_by_id=requested_by.id if requested_by else None,
    )
    db.session.add(export)
    db.session.commit()
    return export


def ensure(export_type: str, filters: Filters | None, export_id: str) -> Export:
    """The export with that id, made if there is none. Commits."""
    return db.session.get(Export, export_id) or create(export_type, filters, export_id=export_id)


def run(
    export_id: str, job_id: str | None = None, last: bool = True, report: attempts.Report = attempts.unheard
) -> Export:
    """Makes the export's file, here and now; returns the row. See `attempts.run_attempt` for what it raises."""
    attempts.run_attempt(_place(), export_id, job_id, last, report)
    return get(export_id)


def get(export_id: str) -> Export:
    """The export as it is at this moment. Raises ExportNotFound."""
    export = db.session.get(Export, export_id, populate_existing=True)
    if export is None:
        raise ExportNotFound(f"there is no export {export_id}")
    fail_lost([export])
    return export


def list_exports(start: int = 0, end: int = 20) -> tuple[list[Export], int]:
    """The exports from `start` up to, not including, `end`, newest first, and how many there are in all."""
    found = db.session.scalars(
        sa.select(Export)
        .options(joinedload(Export.requested_by))
        .order_by(Export.created_at.desc(), Export.id)
        .slice(start, end)
    ).all()
    fail_lost(found)
    return list(found), db.session.scalar(sa.select(sa.func.count()).select_from(Export)) or 0


def file_size(export: Export) -> int:
    """Bytes of the whole file. Raises FileNotAvailable, saying why, when there is none to hand out."""
    if export.state == "removed":
        raise FileNotAvailable("Its file was removed after its seven days; ask for it again.")
    if export.state == "failed":
        raise FileNotAvailable("It failed, so there is no file; ask for it again.")
    if export.state != "completed" or not export.file_key:
        raise FileNotAvailable("It is not ready yet; wait until it is completed.")
    size = _place().storage.size(export.file_key)
    if size is None or size != export.size:
        raise FileNotAvailable("Its file is no longer in the storage; ask for it again.")
    return size


def read_file(export: Export, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The file's bytes from `start` up to, not including, `end`, in pieces. Raises FileNotAvailable."""
    size = file_size(export)
    assert export.file_key is not None  # noqa: S101 - file_size has made sure of it
    return _place().storage.read(export.file_key, start, size if end is None else end)


def remove_expired_exports(moment: datetime | None = None) -> Removed:
    """Removes files older than seven days and leftovers of broken attempts; the rows stay as history."""
    moment = moment or now()
    place = _place()
    return Removed(
        files=clean_up.remove_expired(place, moment),
        abandoned=clean_up.give_up_abandoned(place, moment),
        leftovers=clean_up.remove_leftovers(place, moment),
    )


def _place() -> attempts.Place:
    return attempts.Place(db.engine, open_storage(settings().export_storage, db.engine))


def _make(export_type: str, filters: Filters | None, language: str = DEFAULT_LANGUAGE) -> bytes:
    whole = io.BytesIO()
    write_export(export_type, load_filters(export_type, filters), language, whole, db.engine)
    return whole.getvalue()


def _result(export: Export) -> ExportResult:
    sync = export.state == "completed" and export.job_id is None
    return ExportResult(export.id, None if sync else export.job_id, sync)
