"""What every storage offers, and the buffer in front of it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,150}\.(csv|pdf)")


def check_key(key: str) -> str:
    """The key itself. Raises ValueError for one that could name something other than an export's file."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not the name of an export's file: {key!r}")
    return key


class FileWriter(ABC):
    """A file being written. Subclasses put away pieces of `piece_size` bytes, the last one smaller."""

    piece_size = 256 * 1024

    def __init__(self) -> None:
        self.size = 0
        """Bytes written so far."""
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        """Adds to the file's end."""
        self.size += len(data)
        self._buffer += data
        while len(self._buffer) >= self.piece_size:
            piece = bytes(self._buffer[: self.piece_size])
            del self._buffer[: self.piece_size]
            self._put(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            if self._buffer:
                self._put(bytes(self._buffer))
            self._finish()
        except BaseException:
            self._discard()
            raise

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
