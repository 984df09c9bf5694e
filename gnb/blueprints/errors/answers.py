"""The two shapes of an error's answer, and the choice between them."""

from typing import Any

from flask import Response, jsonify, make_response, render_template, request
from flask_babel import gettext, lazy_gettext
from sqlalchemy.exc import SQLAlchemyError

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


def answer(
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
