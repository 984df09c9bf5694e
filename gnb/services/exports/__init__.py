"""Exports: which rows are selected, how they become a file, where the file is kept.

`gnb.services.export_service` is the interface. The modules behind it:

    filters        the filters of each export, as one schema for API, form, command line and job and as conditions of a
                   query, and the snapshot that is read
    revenue        totals by day and tour, in SQL
    csv_export     columns and writer of the CSV files
    csv_postgresql the rows as CSV lines, made by the database
    xlsx_export    the same tables as XLSX files with typed cells
    pdf_documents  the PDF exports
    pdf_renderer, pdf_join    HTML to pages, parts to one document
    storage        where files are kept: the database, a folder, S3
    attempts       one attempt at an export
    clean_up       expired and orphaned exports
"""

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


class TooManyExports(ExportError):
    """The account has as many open exports as it may have."""

    code = "too_many_exports"


class ExportTooLarge(ExportError):
    """The broker is unreachable, and the export takes more rows or time than one may inline."""

    code = "export_too_large"


class AttemptSuperseded(ExportError):
    """Another attempt at the same export has taken over; this one's file is discarded."""

    code = "attempt_superseded"


class NoFonts(ExportError):
    """The machine has no font, without which no document can be rendered."""

    code = "no_fonts"


class StorageError(ExportError):
    """The file could not be written to or read from the storage."""

    code = "storage_unavailable"
