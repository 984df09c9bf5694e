"""The file of an export as an answer: streamed, resumable, under a good name.

    return file_response(export_service.get(export_id))

Serves one range of bytes at a time (RFC 9110, 14.2), so that a broken download goes on where it ended. A file never
changes, so its key is its entity tag.
"""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import unquote_etag

from gnb.models import Export
from gnb.services import export_service


def file_response(export: Export) -> Response:
    """The whole file, the one range asked for, or 304. Raises FileNotAvailable, saying why, when there is none."""
    size = export_service.file_size(export)
    etag = str(export.file_key)
    response = Response(content_type=export.content_type or "application/octet-stream")
    response.set_etag(etag)
    response.headers["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    response.headers["Accept-Ranges"] = "bytes"
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        return response
    start, end = _bytes_asked_for(size, etag)
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method != "HEAD":
        response.response = export_service.read_file(export, start, end)
    response.headers["Content-Length"] = str(end - start)
    return response


def _bytes_asked_for(size: int, etag: str) -> tuple[int, int]:
    """The bytes [start, end); all of them when no range, several, or a range of another file are asked for."""
    asked, condition = request.range, request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, size
    if condition is not None and unquote_etag(condition) != (etag, False):
        return 0, size
    found = asked.range_for_length(size)
    if found is None:
        raise RequestedRangeNotSatisfiable(size)
    return found
