"""Files that jobs make for the public site: web and worker processes share no disk, but the database."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from gnb.models.base import Model, now


class SiteFile(Model):
    """One file, such as `sitemap.xml`, compressed with gzip."""

    __tablename__ = "site_files"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    data: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of what is compressed: the file's ETag."""
    changed_at: Mapped[datetime] = mapped_column(default=now)
