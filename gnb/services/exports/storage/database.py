"""Files in the database, in chunks: the default, because web and worker may have different disks.

Each chunk is a short transaction of its own, so that a long export does not block other writers of SQLite. Only the
export's row makes the chunks a file: until it names their key, they are not offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
import structlog

from gnb.models import Export, ExportChunk
from gnb.services.exports.storage import FileWriter, Storage, check_key

log = structlog.stdlib.get_logger(__name__)


class DatabaseStorage(Storage):
    """Chunks in the table `export_chunks`, over connections of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(self, key: str, export_id: str) -> FileWriter:
        return _ChunkWriter(self._engine, check_key(key), export_id)

    def size(self, key: str) -> int | None:
        end = sa.func.max(ExportChunk.start + sa.func.length(ExportChunk.data))
        with self._engine.connect() as connection:
            last = sa.select(sa.func.max(ExportChunk.position)).where(ExportChunk.file_key == key).scalar_subquery()
            return connection.scalar(sa.select(end).where(ExportChunk.file_key == key, ExportChunk.position == last))

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        position = self._position_at(key, start)
        while position is not None:
            with self._engine.connect() as connection:
                chunk = connection.execute(
                    sa.select(ExportChunk.start, ExportChunk.data).where(
                        ExportChunk.file_key == key, ExportChunk.position == position
                    )
                ).one_or_none()
            if chunk is None or (end is not None and chunk.start >= end):
                return
            yield chunk.data[max(start - chunk.start, 0) : None if end is None else end - chunk.start]
            position += 1

    def _position_at(self, key: str, offset: int) -> int | None:
        with self._engine.connect() as connection:
            return connection.scalar(
                sa.select(sa.func.max(ExportChunk.position)).where(
                    ExportChunk.file_key == key, ExportChunk.start <= offset
                )
            )

    def remove(self, key: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(ExportChunk).where(ExportChunk.file_key == key))

    def leftovers(self, before: datetime) -> Iterator[str]:
        with self._engine.connect() as connection:
            keys = connection.scalars(
                sa.select(ExportChunk.file_key)
                .join(Export, Export.id == ExportChunk.export_id)
                .where(ExportChunk.position == 0, Export.created_at < before)
            ).all()
        yield from keys


class _ChunkWriter(FileWriter):
    # A transaction each: larger ones hold up other writers to SQLite, smaller ones cost more than what they hold.
    piece_size = 512 * 1024

    def __init__(self, engine: sa.Engine, key: str, export_id: str) -> None:
        super().__init__()
        self._engine = engine
        self._key = key
        self._export_id = export_id
        self._position = 0
        self._start = 0

    def _put(self, piece: bytes) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(ExportChunk).values(
                    file_key=self._key,
                    position=self._position,
                    export_id=self._export_id,
                    start=self._start,
                    data=piece,
                )
            )
        self._position += 1
        self._start += len(piece)

    def _finish(self) -> None:
        """Every chunk is committed already."""

    def _discard(self) -> None:
        try:
            DatabaseStorage(self._engine).remove(self._key)
        except sa.exc.SQLAlchemyError:
            # The database that failed the export cannot remove its chunks either: the clean-up will.
            log.warning("chunks are left for the clean-up", key=self._key)
