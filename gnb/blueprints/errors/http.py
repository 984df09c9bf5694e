"""Errors of HTTP itself: what a view aborts with, what routing refuses, and what nobody caught."""

import re
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from gnb.blueprints.errors.answers import answer

_OWN_HEADERS = {"content-type", "content-length"}


def register(app: Flask) -> None:
    """Answer every HTTPException; Flask turns what nobody caught into one of status 500, and logs it."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(UnicodeError, _unreadable_text)


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error
    data = getattr(error, "data", None) or {}
    headers = {name: value for name, value in error.get_headers() if name.lower() not in _OWN_HEADERS}
    headers.update(data.get("headers") or {})
    details = data.get("errors", _by_field(data.get("messages")))
    message = data.get("message") or ("The data is not valid." if error.code == 422 else error.description)
    return answer(error.code, _code(error), str(message or error.name), details, headers)


def _unreadable_text(_error: UnicodeError) -> ResponseReturnValue:
    """A lone surrogate or the like in what was sent: JSON can carry it, no database can."""
    return _http(BadRequest("The text holds characters that are not valid Unicode."))


def _code(error: HTTPException) -> str:
    """`not_found`, `too_many_requests`, … from the status's name; field errors are `invalid`."""
    return "invalid" if error.code == 422 else re.sub(r"[^a-z]+", "_", error.name.lower()).strip("_")


def _by_field(messages: Any) -> Any:
    """webargs' messages without the level that says where the field was (`json`, `query`, …)."""
    if not isinstance(messages, dict):
        return messages
    fields: dict[str, Any] = {}
    for errors in messages.values():
        if not isinstance(errors, dict):
            return messages
        fields.update(errors)
    return fields
