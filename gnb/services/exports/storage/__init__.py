"""Where the files of exports are kept: `EXPORT_STORAGE` says `database`, `file:///folder` or `s3://bucket/prefix`.

    with storage.create(key, export_id) as file:
        file.write(b"…")            # any number of times, any size
    for piece in storage.read(key, start=0, end=None): …

Leaving the block normally makes the file whole; leaving it by an error removes what was written. A file is never
changed after that. Memory does not grow with the file in either direction.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,150}\.(csv|pdf|xlsx)")


def check_key(key: str) -> str:
    """The key itself. Raises ValueError for one that could name something other than an export's file."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not the name of an export's file: {key!r}")
    return key


class FileWriter(ABC):
    """A file being written. Subclasses put away pieces of `piece_size` bytes or a little more, the last one smaller.

    A piece is put away by a thread while the next one is made: the database reads and writes at once.
    """

    piece_size = 256 * 1024

    def __init__(self) -> None:
        self.size = 0
        """Bytes written so far."""
        self._unput: list[bytes] = []
        self._unput_size = 0
        self._putting = ThreadPoolExecutor(1, "export-writer")
        self._put_before: Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Adds to the file's end."""
        self.size += len(data)
        self._unput.append(data)
        self._unput_size += len(data)
        if self._unput_size >= self.piece_size:
            self._wait_for_piece()
            self._put_before = self._putting.submit(self._put, self._piece())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._wait_for_piece()
                if self._unput:
                    self._put(self._piece())
                self._finish()
        except BaseException as error:
            kind = type(error)
            raise
        finally:
            self._putting.shutdown()
            if kind is not None:
                self._discard()

    def _piece(self) -> bytes:
        piece = b"".join(self._unput)
        self._unput, self._unput_size = [], 0
        return piece

    def _wait_for_piece(self) -> None:
        """Raises what went wrong with the piece before."""
        if self._put_before is not None:
            self._put_before.result()

    @abstractmethod
    def _put(self, piece: bytes) -> None:
        """Puts the next piece away."""

    @abstractmethod
    def _finish(self) -> None:
        """Makes the file whole and readable."""

    @abstractmethod
    def _discard(self) -> None:
        """Removes what was put away; must not raise."""


class Storage(ABC):
    """A place for files. A key is made by `attempts`, is used once, and names one file for ever."""

    @abstractmethod
    def create(self, key: str, export_id: str) -> FileWriter:
        """A new file, to be used in a `with` block."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """Bytes of the whole file, None when there is none."""

    @abstractmethod
    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The file's bytes from `start` up to, not including, `end`, in pieces of at most a megabyte or so."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Removes the file; one that is not there is no error."""

    @abstractmethod
    def leftovers(self, before: datetime) -> Iterator[str]:
        """Keys of everything last written before that moment, whole or not."""


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
