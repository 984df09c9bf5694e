"""One try at an export: from its row to the whole file, or to nothing.

Every attempt writes under a key of its own. The row names the key of the attempt that has it now, and becomes
`completed` only in one transaction, by that attempt, when its file is whole. So a worker that was thought dead and
comes back finds the row no longer its own, and throws its file away; what a dead one left behind is removed by the
next attempt, or by the clean-up. Rows are written over connections of their own: nothing hangs on a caller's session.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gnb.models import Export, local_day, now
from gnb.services.exports.errors import AttemptSuperseded, ExportError, ExportNotFound, StorageError
from gnb.services.exports.filters import load_filters
from gnb.services.exports.making import CONTENT_TYPES, extension, file_name, write_export
from gnb.services.exports.storage import Storage

log = structlog.stdlib.get_logger(__name__)

KEPT = timedelta(days=7)
"""How long a finished file is kept."""

_SECONDS_BETWEEN_NOTES = 1.0

Report = Callable[[float, str], None]
"""Told the percentage done and the same in words."""


def unheard(_percent: float, _words: str) -> None:
    """The report of an attempt that nobody listens to."""


@dataclass(frozen=True)
class Place:
    """Where exports live: their rows, and their files."""

    engine: sa.Engine
    storage: Storage


def run_attempt(place: Place, export_id: str, job_id: str | None, last: bool, report: Report) -> None:
    """Makes the export's file, and the row `completed`. One that is completed already is left as it is.

    After an error the row is `failed` if this was the `last` attempt, else `waiting`; the error goes on. Raises
    ExportNotFound, AttemptSuperseded, StorageError, or what the database raises.
    """
    attempt = _begin(place, export_id, job_id)
    if attempt is None:
        return
    try:
        attempt.make(report)
    except AttemptSuperseded:
        raise
    except BaseException as error:
        # A stopped job is not tried again, whatever attempt it was.
        attempt.give_up("failed" if last or not isinstance(error, Exception) else "waiting", error)
        raise


def _begin(place: Place, export_id: str, job_id: str | None) -> _Attempt | None:
    """Takes the row over; None if its file is there already."""
    with place.engine.begin() as connection:
        row = connection.execute(
            sa.select(Export.type, Export.filters, Export.language, Export.state, Export.file_key)
            .where(Export.id == export_id)
            .with_for_update()
        ).one_or_none()
        if row is None:
            raise ExportNotFound(f"there is no export {export_id}")
        if row.state == "completed":
            return None
        key = f"{export_id}-{secrets.token_hex(8)}.{extension(row.type)}"
        taken: dict[str, Any] = {"state": "active", "file_key": key, "started_at": now(), "finished_at": None}
        if job_id is not None:
            taken["job_id"] = job_id
        connection.execute(
            sa.update(Export).where(Export.id == export_id).values(**taken, progress=0.0, rows_done=0, error=None)
        )
    if row.file_key:
        place.storage.remove(row.file_key)
    return _Attempt(place, export_id, key, row.type, row.filters, row.language)


class _Attempt:
    def __init__(
        self, place: Place, export_id: str, key: str, export_type: str, filters: dict[str, Any], language: str
    ) -> None:
        self._place = place
        self._id = export_id
        self._key = key
        self._type = export_type
        self._filters = load_filters(export_type, filters)
        self._language = language
        self._noted_at = 0.0

    def make(self, report: Report) -> None:
        """Writes the file and completes the row. Raises AttemptSuperseded if another attempt has taken it over."""

        def progress(done: int, total: int) -> None:
            percent = 100.0 * done / total if total else 0.0
            report(percent, f"{done:,} of {total:,} rows")
            self._note(percent, done, total)

        with self._place.storage.create(self._key, self._id) as file:
            rows = write_export(self._type, self._filters, self._language, file, self._place.engine, progress)
        try:
            self._complete(file.size, rows)
        except BaseException:
            self._place.storage.remove(self._key)
            raise
        report(100.0, f"{rows:,} of {rows:,} rows")

    def give_up(self, state: str, error: BaseException) -> None:
        """Says in the row what went wrong. The error that is under way matters more than one in saying so."""
        try:
            self._update(state=state, error=in_words(error), finished_at=now() if state == "failed" else None)
        except sa.exc.SQLAlchemyError:
            log.warning("the database does not answer, and an export is not marked", export=self._id, state=state)

    def _complete(self, size: int, rows: int) -> None:
        finished = now()
        done = self._update(
            state="completed",
            progress=100.0,
            rows_done=rows,
            rows_total=rows,
            size=size,
            file_name=file_name(self._type, self._filters, local_day(finished).isoformat()),
            content_type=CONTENT_TYPES[extension(self._type)],
            finished_at=finished,
            expires_at=finished + KEPT,
            removed_at=None,
        )
        if not done:
            raise AttemptSuperseded(f"another attempt has taken over export {self._id}")

    def _note(self, percent: float, done: int, total: int) -> None:
        if time.monotonic() - self._noted_at < _SECONDS_BETWEEN_NOTES:
            return
        if not self._update(progress=percent, rows_done=done, rows_total=total):
            raise AttemptSuperseded(f"another attempt has taken over export {self._id}")
        self._noted_at = time.monotonic()

    def _update(self, **values: Any) -> bool:
        """Whether the row was still this attempt's to change."""
        own = sa.update(Export).where(Export.id == self._id, Export.state == "active", Export.file_key == self._key)
        with self._place.engine.begin() as connection:
            return connection.execute(own.values(**values)).rowcount == 1


def in_words(error: BaseException) -> str:
    """The error as the operator reads it: no statement, no value that someone typed."""
    if isinstance(error, ExportError):
        return str(error)
    if isinstance(error, sa.exc.DBAPIError):
        cause = str(error.orig).strip().splitlines()
        return f"The database gave up: {cause[0] if cause else type(error.orig).__name__}"
    if isinstance(error, OSError):
        return f"The machine gave up: {error.strerror or type(error).__name__}"
    if not isinstance(error, Exception):
        return "It was stopped."
    return f"It broke down with {type(error).__name__}."


def remove_file(place: Place, key: str) -> None:
    """Removes a file that no row offers any more; one that cannot be removed now is left for the next clean-up."""
    try:
        place.storage.remove(key)
    except (StorageError, OSError, sa.exc.SQLAlchemyError) as error:
        log.warning("an export's file could not be removed", key=key, error=type(error).__name__)
