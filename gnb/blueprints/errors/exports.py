"""What the exports refuse, as HTTP says it."""

from flask import Flask

from gnb.blueprints.errors.answers import answer
from gnb.services.exports.errors import (
    ExportNotFound,
    FileNotAvailable,
    InvalidFilters,
    NoFonts,
    StorageError,
    UnknownExportType,
)


def register(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for a file that is not to be had, 422 for wrong filters."""
    app.register_error_handler(ExportNotFound, lambda error: answer(404, "export_not_found", str(error)))
    app.register_error_handler(FileNotAvailable, lambda error: answer(409, "file_not_available", str(error)))
    app.register_error_handler(
        UnknownExportType, lambda error: answer(422, "unknown_export_type", str(error), {"type": [str(error)]})
    )
    app.register_error_handler(
        InvalidFilters, lambda error: answer(422, "invalid_filters", str(error), {"filters": error.errors})
    )
    app.register_error_handler(NoFonts, lambda error: answer(503, "no_fonts", str(error)))
    app.register_error_handler(
        StorageError, lambda error: answer(503, "storage_unavailable", str(error), headers={"Retry-After": "30"})
    )
