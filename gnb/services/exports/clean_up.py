"""What the scheduled clean-up does for exports: files past their time, and what broken attempts left behind."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from gnb.models import Export
from gnb.services.exports.attempts import Place, remove_file
from gnb.services.exports.lost import LOST, OPEN

ABANDONED = timedelta(hours=24)
"""After so long an export that is neither done nor failed has lost its job: it never takes an hour."""


def remove_expired(place: Place, moment: datetime) -> int:
    """Removes the files of exports whose time is over; their rows stay as history. Returns how many."""
    with place.engine.connect() as connection:
        expired = connection.execute(
            sa.select(Export.id, Export.file_key).where(Export.state == "completed", Export.expires_at <= moment)
        ).all()
    for export_id, key in expired:
        # The row first: a file that is offered must be there.
        with place.engine.begin() as connection:
            connection.execute(
                sa.update(Export)
                .where(Export.id == export_id, Export.file_key == key)
                .values(state="removed", removed_at=moment)
            )
        if key:
            remove_file(place, key)
    return len(expired)


def give_up_abandoned(place: Place, moment: datetime) -> int:
    """Marks exports whose job was removed or died with its worker as failed. Returns how many."""
    with place.engine.begin() as connection:
        return connection.execute(
            sa.update(Export)
            .where(
                Export.state.in_(OPEN),
                sa.func.coalesce(Export.started_at, Export.created_at) <= moment - ABANDONED,
            )
            .values(state="failed", error=LOST, finished_at=moment)
        ).rowcount


def remove_leftovers(place: Place, moment: datetime) -> int:
    """Removes pieces of files that no export in work or on offer names. Returns how many files."""
    with place.engine.connect() as connection:
        named = set(
            connection.scalars(
                sa.select(Export.file_key).where(
                    Export.file_key.is_not(None), Export.state.in_(("active", "waiting", "completed"))
                )
            )
        )
    removed = {key for key in place.storage.leftovers(moment - ABANDONED) if key not in named}
    for key in removed:
        remove_file(place, key)
    return len(removed)
