"""The file of an export as an answer: streamed, with a good name, and in parts for those who ask for a range."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from gnb.models import Export
from gnb.services import export_service


def file_response(export: Export) -> Response:
    """The whole file, or the one range asked for. Raises FileNotAvailable, saying why, when there is none."""
    size = export_service.file_size(export)
    start, end = _range(size)
    response = Response(_pieces(export, start, end), mimetype=export.content_type or "application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Length"] = str(end - start)
    response.headers["ETag"] = f'"{export.file_key}"'
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _pieces(export: Export, start: int, end: int) -> Iterator[bytes]:
    return iter(()) if request.method == "HEAD" else export_service.read_file(export, start, end)


def _range(size: int) -> tuple[int, int]:
    """The bytes [start, end) asked for; all when none, several or a part of another version are asked for."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or "If-Range" in request.headers:
        return 0, size
    found = asked.range_for_length(size)
    if found is None:
        raise RequestedRangeNotSatisfiable(size)
    return found
