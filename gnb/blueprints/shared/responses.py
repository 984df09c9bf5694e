"""Responses that several blueprints send: an error as JSON or as a page, and the file of an export."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Generator, Iterator
from typing import Any, Self, cast

from flask import Response, jsonify, make_response, render_template, request, stream_with_context
from flask.globals import request_ctx
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from gnb.blueprints.shared.preferences import local_path
from gnb.models import Export
from gnb.services import export_service

_PROGRAM_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")
_TITLES = {
    400: lazy_gettext("Bad request"),
    401: lazy_gettext("Please sign in"),
    403: lazy_gettext("Access denied"),
    404: lazy_gettext("Page not found"),
    405: lazy_gettext("Method not allowed"),
    409: lazy_gettext("Conflict"),
    413: lazy_gettext("Request too large"),
    422: lazy_gettext("Invalid input"),
    429: lazy_gettext("Too many requests"),
    500: lazy_gettext("Internal server error"),
    503: lazy_gettext("Service unavailable"),
}
_ADVICE = {
    400: lazy_gettext("Go back, reload the page and try again."),
    401: lazy_gettext("Sign in to open this page."),
    403: lazy_gettext("Your account has no permission for this page. Ask an administrator for access."),
    404: lazy_gettext("The page may have moved or been removed."),
    405: lazy_gettext("Go back and use the page's buttons."),
    409: lazy_gettext("The state has changed. Reload the page."),
    413: lazy_gettext("Send less data."),
    422: lazy_gettext("Go back and check your input."),
    429: lazy_gettext("Wait a minute, then try again."),
    500: lazy_gettext("The error has been logged. Try again; if it persists, contact us with the number below."),
    503: lazy_gettext("Try again in a few seconds."),
}


def wants_json() -> bool:
    """Return whether the caller is a program: by the path, or by asking for JSON rather than a page."""
    if request.path.startswith(_PROGRAM_PATHS):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes[best] > request.accept_mimetypes["text/html"]


def error_response(
    status: int, code: str, message: str, details: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """Return the error in the format that the caller can read."""
    if wants_json():
        error = {"code": code, "message": message, "details": _with_text_keys(details)}
        response = jsonify(success=False, error=error)
    else:
        response = make_response(_page(status, message))
    response.status_code = status
    response.headers.update(headers or {})
    return response


def _with_text_keys(details: Any) -> Any:
    """Return the details with the indices of lists as text: JSON cannot sort them among names such as `_schema`."""
    if not isinstance(details, dict):
        return details
    return {str(name): _with_text_keys(found) for name, found in details.items()}


def _page(status: int, message: str) -> str:
    if request_ctx.url_adapter is None:  # an unknown host: no address of the page can be built
        return _plain_page(status, _TITLES[400])
    try:
        return render_template(
            "errors/error.html",
            status=status,
            title=_TITLES.get(status, message),
            advice=_ADVICE.get(status, _ADVICE[400 if status < 500 else 500]),
        )
    except SQLAlchemyError:  # the page asks who is signed in, and the database may be unreachable
        return _plain_page(status, _TITLES[503])


def _plain_page(status: int, title: str) -> str:
    return f"<!doctype html><title>{status}</title><h1>{title}</h1>"


_SECRETS = frozenset({"password", "current", "new", "again"})


def kept_form() -> Response | None:
    """Return a page that keeps what was typed into a form whose session has ended, to be sent after signing in.

    The page alone holds the values: nothing is stored. None for a request without a form, for one that does not come
    from a page of this site, and for forms with a password.
    """
    typed = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "back")]
    origin, fetch_site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    own = fetch_site == "same-origin" or origin == request.host_url[:-1]
    if not typed or not own or "HX-Request" in request.headers or wants_json() or _SECRETS & request.form.keys():
        return None
    page = render_template(
        "errors/send_again.html",
        typed=typed,
        must_sign_in=not current_user.is_authenticated and request.path.startswith(("/admin/", "/my/")),
        back=local_path(request.form.get("back")),
    )
    return make_response(page, 400)


class _ExportFile:
    """The file of an export as an iterator of bytes that can start anywhere, so that a range is read from its start."""

    def __init__(self, export: Export, prefix: bytes):
        self._export = export
        self._prefix = prefix
        self._position = 0
        # The server reads the file when the view has returned: its context stays until then.
        self._chunks = cast("Generator[bytes, None, None]", stream_with_context(self._read()))

    def seekable(self) -> bool:
        return True

    def seek(self, position: int) -> None:
        self._position = position

    def tell(self) -> int:
        return self._position

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def _read(self) -> Iterator[bytes]:
        if rest := self._prefix[self._position :]:
            yield rest
        yield from export_service.read_file(self._export, max(self._position - len(self._prefix), 0))

    def close(self) -> None:
        self._chunks.close()


def send_export(export: Export, for_excel: bool = False) -> Response:
    """Return the file of an export as a download: all of it, one byte range, or 304 when the client has it already.

    A request for several ranges, or in another unit, gets the whole file.

    Args:
        for_excel: Put a byte-order mark before a CSV, without which Excel does not take it for UTF-8.

    Raises:
        FileNotAvailable: if the export has no file.
        RequestedRangeNotSatisfiable: if the range starts after the end of the file.
    """
    prefix = BOM_UTF8 if for_excel and export.type.endswith("-csv") else b""
    size = export_service.file_size(export) + len(prefix)
    response = Response(_ExportFile(export, prefix), content_type=export.content_type, direct_passthrough=True)
    response.content_length = size
    key = (export.file_key or "").rsplit(".", 1)[0]  # a file never changes under its key
    response.set_etag(f"{key}-bom" if prefix else key)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    conditions = dict(request.environ)
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        conditions.pop("HTTP_RANGE", None)
    response.make_conditional(conditions, accept_ranges=True, complete_length=size)
    return response
