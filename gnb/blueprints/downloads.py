"""The file of an export as an HTTP answer: streamed, resumable, under a good name.

    return send_export(export_service.get(export_id))

Serves one range of bytes at a time (RFC 9110, 14.2), so a broken download goes on where it ended. A file never
changes, so its key is its entity tag.
"""

from __future__ import annotations

from flask import Response, request
from werkzeug.http import unquote_etag

from gnb.models import Export
from gnb.services import export_service


def send_export(export: Export) -> Response:
    """The whole file, the range that was asked for, or 304 or 416. Raises FileNotAvailable."""
    size = export_service.file_size(export)
    etag = (export.file_key or "").rsplit(".", 1)[0]
    response = Response(content_type=export.content_type)
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        return response
    bounds = _bounds(etag, size)
    if bounds is None:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{size}"
        return response
    start, end = bounds
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.headers["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    response.content_length = end - start
    if request.method != "HEAD":
        response.response = export_service.read_file(export, start, end)
    return response


def _bounds(etag: str, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) to send; None for a range outside the file.

    Several ranges at once, and a range of another version of the file (`If-Range`), get the whole file.
    """
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, size
    condition = request.headers.get("If-Range")
    if condition is not None and unquote_etag(condition) != (etag, False):
        return 0, size
    return asked.range_for_length(size)
