"""Error handlers of the application: a page for people, `{"success": false, "error": {…}}` for programs."""

import math
import re
import time
from typing import Any

import structlog
from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import NoMoreData, ParseException
from redis import RedisError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadRequest, HTTPException

from gnb.blueprints.shared.extensions import limiter
from gnb.blueprints.shared.responses import error_response, kept_form
from gnb.extensions import db
from gnb.messages import localize, localize_fields
from gnb.queueing.errors import (
    CodedError,
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    InvalidSchedule,
    JobIdTaken,
    JobNotFound,
    QueueUnavailable,
    ScheduleInCode,
    ScheduleNotFound,
    UnknownJobType,
    UnknownQueue,
    WorkerNotFound,
)
from gnb.queueing.json_values import UNSTORABLE_TEXT, storable
from gnb.services.accounts.users import UserNotFound
from gnb.services.ai.delay_model import TooFewTrips
from gnb.services.ai.lookups import TooManyOpenJobs
from gnb.services.bookings import (
    BookingNotFound,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBookingState,
    InvalidIdempotencyKey,
    PriceChanged,
    SoldOut,
    TourNotFound,
)
from gnb.services.bookings.fields import first_messages
from gnb.services.bookings.transfers import InvalidTransfer
from gnb.services.exports import (
    ExportNotFound,
    ExportTooLarge,
    FileNotAvailable,
    InvalidFilters,
    NoFonts,
    StorageError,
    TooManyExports,
    UnknownExportType,
)
from gnb.services.queues.recurring import StaleSchedule

log = structlog.stdlib.get_logger(__name__)

_OWN_HEADERS = {"content-type", "content-length"}
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


def register(app: Flask) -> None:
    """Register a handler for every error; Flask logs an uncaught one and makes it an HTTPException of status 500."""
    handle = app.register_error_handler
    app.before_request(_reject_unstorable_text)
    handle(HTTPException, _http)
    for unreadable in (ParseException, NoMoreData):  # raised by gunicorn where the body is read
        handle(unreadable, lambda _error: _http(BadRequest("The body is malformed or cut off.")))
    handle(CSRFError, lambda error: kept_form() or _http(error))
    handle(UnicodeError, _unreadable_text)
    handle(RateLimitExceeded, _rate_limited)
    for kind in _STATUSES:
        handle(kind, _coded)
    _register_database_errors(app)


def _reject_unstorable_text() -> ResponseReturnValue | None:
    """Reject NUL, which no database stores, in a query string or a form, and name the parameters that have it."""
    found = {name: [UNSTORABLE_TEXT] for name, text in request.args.items(multi=True) if "\0" in name + text}
    if request.mimetype in _FORM_TYPES:
        found |= {name: [UNSTORABLE_TEXT] for name, text in request.form.items(multi=True) if "\0" in name + text}
    if not found:
        return None
    names = ", ".join(storable(name) for name in found)
    return error_response(422, "invalid", f"{names}: {UNSTORABLE_TEXT}", {storable(k): v for k, v in found.items()})


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error
    data = getattr(error, "data", None) or {}
    headers = {name: value for name, value in error.get_headers() if name.lower() not in _OWN_HEADERS}
    headers.update(data.get("headers") or {})
    details = localize_fields(first_messages(data.get("errors", _by_field(data.get("messages")))))
    message = data.get("message") or (gettext("The data is not valid.") if error.code == 422 else error.description)
    return error_response(error.code, _code(error), str(message or error.name), details, headers)


def _rate_limited(error: RateLimitExceeded) -> ResponseReturnValue:
    exceeded = limiter.current_limit
    try:
        seconds = math.ceil(exceeded.reset_at - time.time()) if exceeded else 0
    except RedisError:  # lost since the request was counted: the whole window is long enough
        seconds = error.limit.limit.get_expiry()
    message = gettext("Too many requests. Try again in %(seconds)s s.", seconds=max(seconds, 1))
    return error_response(429, "too_many_requests", message, headers={"Retry-After": str(max(seconds, 1))})


def _unreadable_text(_error: UnicodeError) -> ResponseReturnValue:
    """Answer 400 to text that no database can store, such as a lone surrogate, which JSON can carry."""
    return _http(BadRequest(gettext("The text holds characters that are not valid Unicode.")))


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


_NOT_FOUND = (UnknownQueue, WorkerNotFound, JobNotFound, ScheduleNotFound)
_STATUSES: dict[type[CodedError], int] = {
    **dict.fromkeys((*_NOT_FOUND, ExportNotFound, TourNotFound, BookingNotFound, UserNotFound), 404),
    **dict.fromkeys((InvalidJobState, JobIdTaken, ScheduleInCode, FileNotAvailable, TooFewTrips), 409),
    StaleSchedule: 409,
    **dict.fromkeys((SoldOut, PriceChanged, IdempotencyConflict, InvalidBookingState), 409),
    **dict.fromkeys((UnknownJobType, InvalidJobData, InvalidSchedule, InvalidJobOption), 422),
    **dict.fromkeys((UnknownExportType, InvalidFilters, InvalidIdempotencyKey, CurrencyMismatch), 422),
    InvalidTransfer: 422,
    **dict.fromkeys((TooManyOpenJobs, TooManyExports), 429),
    **dict.fromkeys((QueueUnavailable, NoFonts, StorageError, ExportTooLarge), 503),
}
"""404: does not exist, 409: the state forbids it, 422: bad input, 429: too much, 503: a dependency is unreachable."""

_RETRY_AFTER = {
    TooManyOpenJobs: "5",
    TooManyExports: "30",
    QueueUnavailable: "5",
    StorageError: "30",
    ExportTooLarge: "30",
}


def _coded(error: CodedError) -> ResponseReturnValue:
    kind = next(each for each in type(error).__mro__ if each in _STATUSES)
    headers = {"Retry-After": _RETRY_AFTER[kind]} if kind in _RETRY_AFTER else None
    return error_response(_STATUSES[kind], error.code, localize(error), _details(error), headers)


def _details(error: CodedError) -> Any:
    """Return what the error says by field."""
    said = [localize(error)]
    match error:
        case UnknownJobType() | UnknownExportType():
            return {"type": said}
        case InvalidJobOption():
            return {"options": said}
        case InvalidJobData():
            return {"data": localize_fields(first_messages(error.errors))}
        case InvalidTransfer():
            return localize_fields(first_messages(error.errors))
        case InvalidFilters():
            return {"filters": localize_fields(first_messages(error.errors))}
        case InvalidSchedule():
            return {_FIELD_NAMES.get(name, name): localize_fields(found) for name, found in error.errors.items()}
        case StaleSchedule():
            return {"version": error.version, "stored": dict(error.stored)}
        case SoldOut():
            return {"seatsLeft": error.left}
        case PriceChanged():
            return {"expectedTotal": str(error.old), "total": str(error.new), "currency": error.currency}
        case InvalidIdempotencyKey():
            return {"Idempotency-Key": said}
        case CurrencyMismatch():
            return {"extras": {error.extra: said}}
    return None


_FIELD_NAMES = {"catch_up": "catchUp"}


def _register_database_errors(app: Flask) -> None:
    """Answer 503 while the database is unreachable, 422 for values that no column can hold, 409 for concurrent changes.

    Any other error of these classes is a fault of the application: it is raised again, logged with its stack, and
    answered with 500.
    """
    handle = app.register_error_handler
    handle(OperationalError, _database_unreachable)
    handle(InterfaceError, _database_unreachable)
    handle(PoolTimeout, _database_unreachable)
    handle(DataError, _beyond_column)
    handle(OverflowError, _beyond_column)
    handle(IntegrityError, _conflict)
    handle(StaleDataError, _stale)


def _database_unreachable(error: Exception) -> ResponseReturnValue:
    # The cause without SQLAlchemy's statement and parameters, which hold what people typed.
    log.error(
        "database away", error=type(error).__name__, cause=str(getattr(error, "orig", "")) or "no connection free"
    )
    return error_response(503, "database_unavailable", "The database is unreachable.", headers={"Retry-After": "5"})


def _beyond_column(error: Exception) -> ResponseReturnValue:
    if isinstance(error, OverflowError) and "SQLite INTEGER" not in str(error):
        raise error
    db.session.rollback()  # the page that says so asks who is signed in
    log.warning("value rejected by the database", error=type(getattr(error, "orig", error)).__name__)
    message = gettext("A value is too long, too large or has characters that cannot be stored.")
    return error_response(422, "invalid", message)


# A row that exists already, or one that is referred to and is gone: by PostgreSQL's and by SQLite's codes.
_CONCURRENT = {
    *("23505", "23503"),
    *("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_FOREIGNKEY"),
}


def _conflict(error: IntegrityError) -> ResponseReturnValue:
    db.session.rollback()
    if getattr(error.orig, "sqlstate", getattr(error.orig, "sqlite_errorname", None)) not in _CONCURRENT:
        raise error
    log.error("rejected by a constraint of the database", cause=str(error.orig))
    return error_response(409, "conflict", gettext("The same record was changed by another request. Try again."))


def _stale(_error: StaleDataError) -> ResponseReturnValue:
    db.session.rollback()
    return error_response(409, "conflict", gettext("The same record was changed by another request. Try again."))
