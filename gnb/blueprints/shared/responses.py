"""Responses that several blueprints send: an error as JSON or as a page, and the file of an export."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, make_response, render_template, request
from flask_babel import gettext, lazy_gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import unquote_etag

from gnb.models import Export
from gnb.services import export_service

_PROGRAM_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")
_TITLES = {
    400: lazy_gettext("That request could not be read"),
    401: lazy_gettext("Please sign in"),
    403: lazy_gettext("This is not yours to see"),
    404: lazy_gettext("There is nothing here"),
    405: lazy_gettext("That cannot be done here"),
    409: lazy_gettext("That is not possible at the moment"),
    413: lazy_gettext("That is too large"),
    422: lazy_gettext("Something in the form is not right"),
    429: lazy_gettext("Too many requests"),
    500: lazy_gettext("Something broke on our side"),
    503: lazy_gettext("Not available at the moment"),
}
_ADVICE = {
    400: lazy_gettext("Go back, reload the page and try once more."),
    401: lazy_gettext("This page is for those who have signed in."),
    403: lazy_gettext("Your account may not open this page. Ask an administrator if it should."),
    404: lazy_gettext("The page may have moved, or what it showed has been removed."),
    405: lazy_gettext("Go back and use the buttons of the page."),
    409: lazy_gettext("Its state has changed meanwhile. Reload the page to see it."),
    413: lazy_gettext("Send less at once."),
    422: lazy_gettext("Go back and look at what was entered."),
    429: lazy_gettext("Wait a minute, then try again."),
    500: lazy_gettext("It has been written down. Try again; if it stays, tell us the number below."),
    503: lazy_gettext("Try again in a few seconds."),
}


def wants_json() -> bool:
    """Whether the caller is a program: by the path, or by asking for JSON rather than a page."""
    if request.path.startswith(_PROGRAM_PATHS):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes[best] > request.accept_mimetypes["text/html"]


def error_response(
    status: int, code: str, message: str, details: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """The error in the shape that the caller can read."""
    if wants_json():
        error = {"code": code, "message": message, "details": details}
        response = jsonify(success=False, error=error)
    else:
        response = make_response(_page(status, message))
    response.status_code = status
    response.headers.update(headers or {})
    return response


def _page(status: int, message: str) -> str:
    try:
        return render_template(
            "errors/error.html",
            status=status,
            title=_TITLES.get(status, message),
            advice=_ADVICE.get(status, _ADVICE[400 if status < 500 else 500]),
        )
    except SQLAlchemyError:  # the page asks who is signed in, and the database may be what is away
        return f"<!doctype html><title>{status}</title><h1>{gettext('Not available at the moment')}</h1>"


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
