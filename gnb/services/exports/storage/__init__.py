"""Where the files of exports are kept: `EXPORT_STORAGE` says `database`, `file:///folder` or `s3://bucket/prefix`.

    with storage.create(key, export_id) as file:
        file.write(b"…")            # any number of times, any size
    for piece in storage.read(key, start=0, end=None): …

Leaving the block normally makes the file whole; leaving it by an error removes what was written. A file is never
changed after that. Memory does not grow with the file in either direction.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from gnb.services.exports.storage.base import FileWriter, Storage

__all__ = ["FileWriter", "Storage", "open_storage"]


def open_storage(address: str, engine: sa.Engine) -> Storage:
    """The storage that an `EXPORT_STORAGE` value names; `engine` is used by `database` alone."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        from gnb.services.exports.storage.folder import FolderStorage

        return FolderStorage(unquote(parts.path))
    if parts.scheme == "s3":
        from gnb.services.exports.storage.s3 import S3Storage

        return S3Storage(parts.netloc, parts.path.strip("/"))
    from gnb.services.exports.storage.database import DatabaseStorage

    return DatabaseStorage(engine)
