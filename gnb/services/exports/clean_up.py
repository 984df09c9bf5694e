"""Expired and orphaned exports: their files are removed, and rows without a job are marked as failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from gnb.extensions import engine
from gnb.messages import error_columns, make_message
from gnb.models import Export, User, db, execute_count, now
from gnb.queueing.errors import JobNotFound, QueueUnavailable
from gnb.services.exports import TooManyExports
from gnb.services.exports.attempts import ExportBackend

OPEN = ("waiting", "active")
OPEN_EXPORTS = 5
"""How many exports of one account may wait or run at a time."""

LOST = make_message("export_failed.job_lost")

NEVER_ENQUEUED = timedelta(minutes=10)
"""A waiting export of this age without a job was left by a process that ended before it enqueued one."""

ABANDONED = timedelta(hours=24)
"""An unfinished export of this age has lost its job; none takes an hour."""


def remove_expired(backend: ExportBackend, moment: datetime) -> int:
    """Remove the files of expired exports, keep their rows, and return how many there were."""
    with backend.engine.connect() as connection:
        expired = connection.execute(
            sa.select(Export.id, Export.file_key).where(Export.state == "completed", Export.expires_at <= moment)
        ).all()
    for export_id, key in expired:
        # The row first, so that no row offers a missing file.
        with backend.engine.begin() as connection:
            connection.execute(
                sa.update(Export)
                .where(Export.id == export_id, Export.file_key == key)
                .values(state="removed", removed_at=moment)
            )
        if key:
            backend.remove_file(key)
    return len(expired)


def fail_abandoned(moment: datetime) -> int:
    """Mark unfinished exports without a job as failed and return how many there were."""
    abandoned = sa.func.coalesce(Export.started_at, Export.created_at) <= moment - ABANDONED
    statement = sa.update(Export).where(Export.state.in_(OPEN), sa.or_(abandoned, _never_enqueued(moment)))
    count = execute_count(statement.values(state="failed", **error_columns(LOST), finished_at=moment))
    db.session.commit()
    return count


def remove_leftovers(backend: ExportBackend, moment: datetime) -> int:
    """Remove files that no unfinished or completed export refers to, and return how many there were."""
    with backend.engine.connect() as connection:
        named = set(
            connection.scalars(
                sa.select(Export.file_key).where(
                    Export.file_key.is_not(None), Export.state.in_(("active", "waiting", "completed"))
                )
            )
        )
    removed = {key for key in backend.storage.leftovers(moment - ABANDONED) if key not in named}
    for key in removed:
        backend.remove_file(key)
    return len(removed)


def fail_lost(exports: Sequence[Export]) -> None:
    """Mark those of the exports as failed whose job is gone or was never enqueued. Commits; asks for no job while the
    broker is unreachable."""
    waiting = [export.id for export in exports if export.state == "waiting" and export.job_id is None]
    if waiting:
        lost_before = sa.update(Export).where(Export.id.in_(waiting), _never_enqueued(now()))
        execute_count(lost_before.values(state="failed", **error_columns(LOST), finished_at=now()))
        db.session.commit()
    try:
        lost = [export for export in exports if export.state in OPEN and export.job_id and _is_lost(export.job_id)]
    except QueueUnavailable:
        return
    for export in lost:
        db.session.execute(
            sa.update(Export)
            .where(Export.id == export.id, Export.state.in_(OPEN), Export.job_id == export.job_id)
            .values(state="failed", **({} if export.error else error_columns(LOST)), finished_at=now())
        )
    if lost:
        db.session.commit()


def _never_enqueued(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that the process ended between the export's row and its job."""
    alone = sa.and_(Export.state == "waiting", Export.job_id.is_(None))
    return sa.and_(alone, Export.created_at <= moment - NEVER_ENQUEUED)


def _is_lost(job_id: str) -> bool:
    try:
        return engine().queue("export").job(job_id).state == "failed"
    except JobNotFound:
        return True


def check_open_exports(user: User) -> None:
    """Raise TooManyExports if the account has `OPEN_EXPORTS` that wait or run."""
    own = sa.select(Export).where(Export.requested_by_id == user.id, Export.state.in_(OPEN))
    fail_lost(db.session.scalars(own).all())
    # Concurrent requests of one account wait here until the export of the first is committed.
    db.session.execute(sa.select(User.id).where(User.id == user.id).with_for_update())
    if len(db.session.scalars(own).all()) >= OPEN_EXPORTS:
        db.session.rollback()
        raise TooManyExports(count=OPEN_EXPORTS)
