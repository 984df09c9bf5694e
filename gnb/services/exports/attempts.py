"""One attempt at an export: from its row to the whole file, or to nothing.

Every attempt writes to a key of its own. The row holds the key of the current attempt and becomes `completed` in one
transaction, by that attempt, when its file is whole. A worker that was considered dead and continues finds the row
taken over and discards its file; the file of a dead worker is removed by the next attempt or by the clean-up. Rows are
written over connections of their own, independent of the caller's session.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gnb.messages import Message, error_columns, make_message, os_error
from gnb.models import Export, is_database_outage, local_day, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services.exports import AttemptSuperseded, ExportError, ExportNotFound, ExportTooLarge, StorageError
from gnb.services.exports.csv_export import Sink, write_csv
from gnb.services.exports.filters import load_filters
from gnb.services.exports.storage import CONTENT_TYPES, Storage
from gnb.services.queue_service import Progress, noop_progress

log = structlog.stdlib.get_logger(__name__)

KEPT = timedelta(days=7)
"""How long a finished file is kept."""

INLINE_ROWS = 20_000
INLINE_SECONDS = 20
"""The bounds of an export that runs inline, which holds a thread of the web server."""

_SECONDS_BETWEEN_UPDATES = 1.0


@dataclass(frozen=True)
class ExportBackend:
    """Where exports are kept: the database of their rows, and the storage of their files."""

    engine: sa.Engine
    storage: Storage

    def remove_file(self, key: str) -> None:
        """Remove a file that no row offers. One that cannot be removed now is left to the next clean-up."""
        try:
            self.storage.remove(key)
        except (StorageError, OSError, sa.exc.SQLAlchemyError) as error:
            log.warning("an export's file could not be removed", key=key, error=type(error).__name__)


def run_attempt(backend: ExportBackend, export_id: str, job_id: str | None, last: bool, progress: Progress) -> None:
    """Write the export's file and mark the row as completed. Does nothing for a completed export.

    After an error the row is `failed` if this was the `last` attempt, else `waiting`, and the error is raised. A job
    (`job_id`) runs again after an outage of database or storage, whichever attempt it was: the row is `waiting`.

    Raises:
        ExportNotFound, AttemptSuperseded, StorageError, or an error of the database.
    """
    attempt = _begin(backend, export_id, job_id)
    if attempt is None:
        return
    try:
        attempt.make(progress)
    except AttemptSuperseded:
        raise
    except BaseException as error:
        # A stopped job is not retried, whichever attempt it was.
        over = not isinstance(error, Exception) or (last and (job_id is None or not is_outage(error)))
        attempt.fail("failed" if over else "waiting", error)
        raise


def is_outage(error: BaseException) -> bool:
    """Return whether the error says that the database, the broker or the storage cannot be used at the moment."""
    return isinstance(error, (StorageError, QueueUnavailable)) or is_database_outage(error)


def _begin(backend: ExportBackend, export_id: str, job_id: str | None) -> _Attempt | None:
    """Take over the row. Returns None if the export is completed."""
    with backend.engine.begin() as connection:
        row = connection.execute(
            sa.select(Export.type, Export.filters, Export.language, Export.state, Export.file_key)
            .where(Export.id == export_id)
            .with_for_update()
        ).one_or_none()
        if row is None:
            raise ExportNotFound(id=export_id)
        if row.state == "completed":
            return None
        key = f"{export_id}-{secrets.token_hex(8)}.{_extension(row.type)}"
        taken: dict[str, Any] = {"state": "active", "file_key": key, "started_at": now(), "finished_at": None}
        if job_id is not None:
            taken["job_id"] = job_id
        connection.execute(
            sa.update(Export)
            .where(Export.id == export_id)
            .values(**taken, **error_columns(None), progress=0.0, rows_done=0)
        )
    if row.file_key:
        backend.remove_file(row.file_key)
    return _Attempt(backend, export_id, key, row.type, row.filters, row.language)


class _Attempt:
    def __init__(
        self,
        backend: ExportBackend,
        export_id: str,
        key: str,
        export_type: str,
        filters: dict[str, Any],
        language: str,
    ) -> None:
        self._backend = backend
        self._id = export_id
        self._key = key
        self._type = export_type
        self._filters = load_filters(export_type, filters)
        self._language = language
        self._updated_at = 0.0

    def make(self, progress: Progress) -> None:
        """Write the file and complete the row. Raises AttemptSuperseded if another attempt has taken it over."""

        def update(done: int, total: int) -> None:
            progress(done, total)
            self._update_progress(done, total)

        with self._backend.storage.create(self._key, self._id) as file:
            rows = write_export(self._type, self._filters, self._language, file, self._backend.engine, update)
        try:
            self._complete(file.size, rows)
        except BaseException:
            self._backend.remove_file(self._key)
            raise
        progress(rows, rows)

    def fail(self, state: str, error: BaseException) -> None:
        """Record the error in the row. An error of the database here is only logged: it would hide the first one."""
        try:
            finished = now() if state == "failed" else None
            self._update(state=state, **error_columns(describe_error(error)), finished_at=finished)
        except sa.exc.SQLAlchemyError:
            log.warning("the outcome of an export could not be recorded", export=self._id, state=state)

    def _complete(self, size: int, rows: int) -> None:
        finished = now()
        done = self._update(
            state="completed",
            progress=100.0,
            rows_done=rows,
            rows_total=rows,
            size=size,
            file_name=_file_name(self._type, self._filters, local_day(finished).isoformat()),
            content_type=CONTENT_TYPES[_extension(self._type)],
            finished_at=finished,
            expires_at=finished + KEPT,
            removed_at=None,
        )
        if not done:
            raise AttemptSuperseded(id=self._id)

    def _update_progress(self, done: int, total: int) -> None:
        if time.monotonic() - self._updated_at < _SECONDS_BETWEEN_UPDATES:
            return
        percent = 100.0 * done / total if total else 0.0
        if not self._update(progress=percent, rows_done=done, rows_total=total):
            raise AttemptSuperseded(id=self._id)
        self._updated_at = time.monotonic()

    def _update(self, **values: Any) -> bool:
        """Update the row if it belongs to this attempt; returns whether it does."""
        own = sa.update(Export).where(Export.id == self._id, Export.state == "active", Export.file_key == self._key)
        with self._backend.engine.begin() as connection:
            return connection.execute(own.values(**values)).rowcount == 1


def describe_error(error: BaseException) -> Message:
    """Describe the error for the operator, without SQL and without values that a person typed."""
    if isinstance(error, (ExportError, QueueUnavailable)):
        return error.message
    if isinstance(error, sa.exc.DBAPIError):
        cause = str(error.orig).strip().splitlines()
        return make_message("export_failed.database", what=cause[0] if cause else type(error.orig).__name__)
    if isinstance(error, OSError):
        return make_message("export_failed.machine", what=os_error(error))
    if not isinstance(error, Exception):
        return make_message("export_failed.stopped")
    return make_message("export_failed.unexpected", what=type(error).__name__)


def write_export(
    export_type: str,
    filters: Mapping[str, Any],
    language: str,
    sink: Sink,
    engine: sa.Engine,
    progress: Progress = noop_progress,
) -> int:
    """Write the whole file and return how many rows it was made from.

    Args:
        filters: Loaded filters.
        language: Of a PDF.
    """
    if export_type.endswith("-csv"):
        return write_csv(export_type, filters, sink, engine, progress)
    if export_type.endswith("-xlsx"):
        from gnb.services.exports.xlsx_export import write_xlsx

        return write_xlsx(export_type, filters, sink, engine, progress)
    # WeasyPrint takes half a second and 40 MB to import, which no CSV needs.
    from gnb.services.exports.pdf_documents import write_bookings_pdf, write_revenue_pdf

    write_pdf = write_bookings_pdf if export_type == "bookings-pdf" else write_revenue_pdf
    return write_pdf(filters, language, sink, engine, progress)


def _extension(export_type: str) -> str:
    """Return `csv`, `xlsx` or `pdf`."""
    return export_type.rsplit("-", 1)[1]


def _file_name(export_type: str, filters: Mapping[str, Any], made_on: str) -> str:
    """Return a descriptive name: `bookings-2026-01-01-to-2026-01-31.csv`, `users-made-2026-02-01.csv`."""
    subject = export_type.rsplit("-", 1)[0]
    start, end = filters.get("start_date"), filters.get("end_date")
    if start and end:
        span = f"{start}-to-{end}"
    elif start or end:
        span = f"from-{start}" if start else f"until-{end}"
    else:
        span = f"made-{made_on}"
    return f"{subject}-{span}.{_extension(export_type)}"


def inline_bounds() -> Progress:
    """Return a progress function that raises ExportTooLarge beyond INLINE_ROWS or INLINE_SECONDS."""
    started = time.monotonic()

    def check(_done: int, total: int) -> None:
        if total > INLINE_ROWS:
            raise ExportTooLarge("rows", count=total, most=INLINE_ROWS)
        if time.monotonic() - started > INLINE_SECONDS:
            raise ExportTooLarge("time", seconds=INLINE_SECONDS)

    return check
