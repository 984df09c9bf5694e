"""What can go wrong with an export."""

from __future__ import annotations

from gnb.messages import DomainError
from gnb.queueing.errors import InvalidFields


class ExportError(DomainError):
    """The base of all errors below; the message tells an operator what to do."""


class InvalidFilters(InvalidFields, ExportError):
    """The filters do not fit the type's schema; `errors` maps each field to its messages."""

    code = "invalid_filters"


class UnknownExportType(ExportError):
    """There is no export of that type."""

    code = "unknown_export_type"


class ExportNotFound(ExportError):
    """There is no export with that id."""

    code = "export_not_found"


class FileNotAvailable(ExportError):
    """The export has no file: not ready, failed, or removed after its retention time."""

    code = "file_not_available"


class AttemptSuperseded(ExportError):
    """Another attempt at the same export has taken over; this one's file is discarded."""

    code = "attempt_superseded"


class NoFonts(ExportError):
    """The machine has no font, without which no document can be rendered."""

    code = "no_fonts"


class StorageError(ExportError):
    """The file could not be written to or read from the storage."""

    code = "storage_unavailable"
