"""Files in a folder that web and workers share: `file:///dir`.

A file is written under a temporary name, flushed to the disk, and renamed in one step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from gnb.messages import os_error
from gnb.services.exports import StorageError
from gnb.services.exports.storage import FileWriter, Storage, check_key

_PARTIAL = ".partial"
_READ_SIZE = 256 * 1024


class FolderStorage(Storage):
    """Files directly in the folder, which is made if it is not there."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def create(self, key: str, export_id: str) -> FileWriter:
        return _FolderWriter(self._path(key))

    def size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._path(key).open("rb") as file:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                piece = file.read(_READ_SIZE if left is None else min(left, _READ_SIZE))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece

    def remove(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        path.with_name(path.name + _PARTIAL).unlink(missing_ok=True)

    def leftovers(self, before: datetime) -> Iterator[str]:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            key = path.name.removesuffix(_PARTIAL)
            with suppress(ValueError, FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    yield check_key(key)

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)


class _FolderWriter(FileWriter):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._partial = path.with_name(path.name + _PARTIAL)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StorageError("folder", what=os_error(error)) from error
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)

    def _put(self, piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise StorageError("write", what=os_error(error)) from error

    def _finish(self) -> None:
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageError("write", what=os_error(error)) from error

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)
