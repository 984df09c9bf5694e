"""Exports whose job is gone: removed by somebody, lost with the broker's data, or ended without a word to its row."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from gnb.extensions import db, engine
from gnb.models import Export, now
from gnb.queueing.errors import JobNotFound, QueueUnavailable

OPEN = ("waiting", "active")
LOST = "Its job was removed or lost before it was done."


def fail_lost(exports: Iterable[Export]) -> None:
    """Marks those of these as failed that no job will make any more. Commits; without the broker nothing is known."""
    try:
        lost = [export for export in exports if export.state in OPEN and export.job_id and _is_lost(export.job_id)]
    except QueueUnavailable:
        return
    for export in lost:
        db.session.execute(
            sa.update(Export)
            .where(Export.id == export.id, Export.state.in_(OPEN), Export.job_id == export.job_id)
            .values(state="failed", error=LOST, finished_at=now())
        )
    if lost:
        db.session.commit()


def _is_lost(job_id: str) -> bool:
    try:
        return engine().queue("export").job(job_id).state == "failed"
    except JobNotFound:
        return True
