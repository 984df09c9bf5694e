"""Files that jobs write to the database: exports of staff, and files of the public site."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gnb.models.base import DEFAULT_LANGUAGE, LANGUAGES, Model, OptionalJson, now, one_of
from gnb.models.user import User

EXPORT_TYPES = (
    *("bookings-csv", "users-csv", "revenue-csv"),
    *("bookings-xlsx", "users-xlsx", "revenue-xlsx"),
    *("bookings-pdf", "revenue-pdf"),
)
EXPORT_STATES = ("waiting", "active", "completed", "failed", "removed")
"""`removed`: the file was deleted after its keeping time, the row stays as history."""


class Export(Model):
    """One export. A file is offered only in state `completed`, when `file_key` names a whole file."""

    __tablename__ = "exports"
    __table_args__ = (
        one_of("type", EXPORT_TYPES),
        one_of("state", EXPORT_STATES),
        one_of("language", LANGUAGES),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        sa.CheckConstraint("state <> 'completed' OR file_key IS NOT NULL", name="file_key"),
        sa.Index(None, "created_at"),
        sa.Index(None, "state", "expires_at"),
        sa.Index(None, "requested_by_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=lambda: str(uuid4()))
    type: Mapped[str] = mapped_column(sa.String(20))
    filters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    language: Mapped[str] = mapped_column(sa.String(5), default=DEFAULT_LANGUAGE)
    """The reader's language: what a PDF is written in."""
    state: Mapped[str] = mapped_column(sa.String(20), default="waiting")
    job_id: Mapped[str | None] = mapped_column(sa.String(200), index=True)
    progress: Mapped[float] = mapped_column(default=0.0)
    """Percent of the rows counted."""
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int | None]
    file_key: Mapped[str | None] = mapped_column(sa.String(200))
    """Names the file in the storage that it was written to; a new one for every attempt."""
    file_name: Mapped[str | None] = mapped_column(sa.String(200))
    content_type: Mapped[str | None] = mapped_column(sa.String(100))
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Bytes."""
    error: Mapped[str | None] = mapped_column(sa.Text)
    """In English; with the next two, the message in any language."""
    error_code: Mapped[str | None] = mapped_column(sa.String(80))
    error_params: Mapped[dict[str, Any] | None] = mapped_column(OptionalJson)
    requested_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    requested_by: Mapped[User | None] = relationship()

    def __repr__(self) -> str:
        return f"<Export {self.id} {self.type} {self.state}>"


class ExportChunk(Model):
    """A piece of a file in the database. Pieces of a failed attempt have a `file_key` that no export refers to."""

    __tablename__ = "export_chunks"
    __table_args__ = (sa.Index(None, "export_id"),)

    file_key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    export_id: Mapped[str] = mapped_column(sa.ForeignKey("exports.id", ondelete="CASCADE"))
    start: Mapped[int] = mapped_column(sa.BigInteger)
    """Offset of the piece's first byte in the file."""
    data: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)


# A file's pieces are read once or twice and kept for a week: compressing them costs more than writing them.
_UNCOMPRESSED = sa.DDL("ALTER TABLE export_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
sa.event.listen(ExportChunk.__table__, "after_create", _UNCOMPRESSED.execute_if(dialect="postgresql"))


class SiteFile(Model):
    """One file, such as `sitemap.xml`, compressed with gzip."""

    __tablename__ = "site_files"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    data: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of what is compressed: the file's ETag."""
    changed_at: Mapped[datetime] = mapped_column(default=now)
