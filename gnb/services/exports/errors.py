"""What can go wrong with an export."""

from __future__ import annotations

from typing import Any


class ExportError(Exception):
    """The base of all errors below; its text is a line that an operator can act on."""


class InvalidFilters(ExportError):
    """The filters do not fit the type's schema; `errors` maps each field to what is wrong with it."""

    def __init__(self, errors: dict[str, Any]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{field}: {words}" for field, words in errors.items()))


class UnknownExportType(ExportError):
    """There is no export of that type."""


class TooManyExports(ExportError):
    """The account has as many open exports as it may have."""


class ExportNotFound(ExportError):
    """There is no export with that id."""


class FileNotAvailable(ExportError):
    """The export has no file to hand out: not ready, failed, or past its keeping time."""


class AttemptSuperseded(ExportError):
    """Another attempt at the same export has taken over; this one's file is thrown away."""


class NoFonts(ExportError):
    """The machine has no font, without which no document can be laid out."""


class StorageError(ExportError):
    """The file could not be written to or read from the storage."""
