"""Error handlers of the application: a page for people, `{"success": false, "error": {…}}` for programs."""

import math
import re
import time
from typing import Any

import structlog
from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from gunicorn.http.errors import NoMoreData, ParseException
from redis import RedisError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException

from gnb.blueprints.shared.responses import error_response
from gnb.extensions import db, limiter
from gnb.queueing.errors import (
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
from gnb.services.ai.lookups import TooManyOpenJobs
from gnb.services.bookings.errors import (
    BookingNotFound,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBookingState,
    InvalidIdempotencyKey,
    SoldOut,
    TourNotFound,
)
from gnb.services.bookings.fields import first_messages
from gnb.services.exports.errors import (
    ExportNotFound,
    FileNotAvailable,
    InvalidFilters,
    NoFonts,
    StorageError,
    TooManyExports,
    UnknownExportType,
)

log = structlog.stdlib.get_logger(__name__)

_OWN_HEADERS = {"content-type", "content-length"}
_RETRY_AFTER = {"Retry-After": "5"}
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


def register(app: Flask) -> None:
    """Register a handler for every error; Flask logs an uncaught one and makes it an HTTPException of status 500."""
    handle = app.register_error_handler
    app.before_request(_reject_unstorable_text)
    handle(HTTPException, _http)
    for unreadable in (ParseException, NoMoreData):  # raised by gunicorn where the body is read
        handle(unreadable, lambda _error: _http(BadRequest("The body is malformed or cut off.")))
    handle(UnicodeError, _unreadable_text)
    handle(RateLimitExceeded, _rate_limited)
    _register_queue_errors(app)
    _register_export_errors(app)
    _register_booking_errors(app)
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
    details = first_messages(data.get("errors", _by_field(data.get("messages"))))
    message = data.get("message") or ("The data is not valid." if error.code == 422 else error.description)
    return error_response(error.code, _code(error), str(message or error.name), details, headers)


def _rate_limited(error: RateLimitExceeded) -> ResponseReturnValue:
    exceeded = limiter.current_limit
    try:
        seconds = math.ceil(exceeded.reset_at - time.time()) if exceeded else 0
    except RedisError:  # lost since the request was counted: the whole window is long enough
        seconds = error.limit.limit.get_expiry()
    message = f"Too many requests. Try again in {max(seconds, 1)} s."
    return error_response(429, "too_many_requests", message, headers={"Retry-After": str(max(seconds, 1))})


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


def _register_queue_errors(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for a move out of turn, 422 for bad input, 503 without a broker."""
    handle = app.register_error_handler
    handle(UnknownQueue, lambda error: error_response(404, "unknown_queue", str(error)))
    handle(WorkerNotFound, lambda error: error_response(404, "worker_not_found", str(error)))
    handle(JobNotFound, lambda error: error_response(404, "job_not_found", str(error)))
    handle(InvalidJobState, lambda error: error_response(409, "invalid_job_state", str(error)))
    handle(ScheduleNotFound, lambda error: error_response(404, "schedule_not_found", str(error)))
    handle(ScheduleInCode, lambda error: error_response(409, "schedule_in_code", str(error)))
    handle(InvalidSchedule, _invalid_schedule)
    handle(UnknownJobType, _unknown_type)
    handle(InvalidJobData, _invalid_data)
    handle(InvalidJobOption, _invalid_option)
    handle(JobIdTaken, lambda error: error_response(409, "job_id_taken", str(error), {"options": [str(error)]}))
    handle(QueueUnavailable, _unavailable)
    handle(TooManyOpenJobs, _too_many_jobs)


def _unknown_type(error: UnknownJobType) -> ResponseReturnValue:
    return error_response(422, "unknown_job_type", str(error), {"type": [str(error)]})


def _invalid_data(error: InvalidJobData) -> ResponseReturnValue:
    return error_response(422, "invalid_job_data", str(error), {"data": first_messages(error.errors)})


def _invalid_schedule(error: InvalidSchedule) -> ResponseReturnValue:
    names = {"catch_up": "catchUp"}
    details = {names.get(field, field): words for field, words in error.errors.items()}
    return error_response(422, "invalid_schedule", str(error), details)


def _invalid_option(error: InvalidJobOption) -> ResponseReturnValue:
    return error_response(422, "invalid_job_option", str(error), {"options": [str(error)]})


def _unavailable(error: QueueUnavailable) -> ResponseReturnValue:
    return error_response(503, "queue_unavailable", str(error), headers=_RETRY_AFTER)


def _too_many_jobs(_error: TooManyOpenJobs) -> ResponseReturnValue:
    message = "Too many of your requests are still being processed. Wait for one of them."
    return error_response(429, "too_many_open_jobs", message, headers={"Retry-After": "5"})


def _register_export_errors(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for a file that is not to be had, 422 for wrong filters."""
    handle = app.register_error_handler
    handle(ExportNotFound, lambda error: error_response(404, "export_not_found", str(error)))
    handle(FileNotAvailable, lambda error: error_response(409, "file_not_available", str(error)))
    handle(
        UnknownExportType, lambda error: error_response(422, "unknown_export_type", str(error), {"type": [str(error)]})
    )
    handle(InvalidFilters, _invalid_filters)
    handle(
        TooManyExports,
        lambda error: error_response(429, "too_many_exports", str(error), headers={"Retry-After": "30"}),
    )
    handle(NoFonts, lambda error: error_response(503, "no_fonts", str(error)))
    handle(
        StorageError,
        lambda error: error_response(503, "storage_unavailable", str(error), headers={"Retry-After": "30"}),
    )


def _invalid_filters(error: InvalidFilters) -> ResponseReturnValue:
    return error_response(422, "invalid_filters", str(error), {"filters": first_messages(error.errors)})


def _register_booking_errors(app: Flask) -> None:
    """Answer 404 for what is not there, 409 for what is not possible any more, 422 for bad input."""
    handle = app.register_error_handler
    handle(TourNotFound, lambda error: error_response(404, "tour_not_found", str(error)))
    handle(BookingNotFound, lambda error: error_response(404, "booking_not_found", str(error)))
    handle(SoldOut, lambda error: error_response(409, "sold_out", str(error), {"seatsLeft": error.left}))
    handle(IdempotencyConflict, lambda error: error_response(409, "idempotency_conflict", str(error)))
    handle(InvalidBookingState, lambda error: error_response(409, "invalid_booking_state", str(error)))
    handle(
        InvalidIdempotencyKey,
        lambda error: error_response(422, "invalid", str(error), {"Idempotency-Key": [str(error)]}),
    )
    handle(
        CurrencyMismatch,
        lambda error: error_response(422, "invalid", str(error), {"extras": {error.code: [str(error)]}}),
    )


def _register_database_errors(app: Flask) -> None:
    """Answer 503 while the database is away, 422 for a value that no column can hold, 409 to the slower of two."""
    handle = app.register_error_handler
    handle(OperationalError, _database_unreachable)
    handle(InterfaceError, _database_unreachable)
    handle(PoolTimeout, _database_unreachable)
    handle(DataError, _beyond_column)
    handle(OverflowError, _beyond_column)
    handle(IntegrityError, _conflict)


def _database_unreachable(error: Exception) -> ResponseReturnValue:
    # The cause without SQLAlchemy's statement and parameters, which hold what people typed.
    log.error(
        "database away", error=type(error).__name__, cause=str(getattr(error, "orig", "")) or "no connection free"
    )
    return error_response(503, "database_unavailable", "The database is unreachable.", headers={"Retry-After": "5"})


def _beyond_column(error: Exception) -> ResponseReturnValue:
    db.session.rollback()  # the page that says so asks who is signed in
    log.warning("value refused by the database", error=type(getattr(error, "orig", error)).__name__)
    return error_response(422, "invalid", "A value is too long, too large or has characters that cannot be stored.")


def _conflict(error: IntegrityError) -> ResponseReturnValue:
    db.session.rollback()
    log.error("refused by a constraint of the database", cause=str(error.orig))
    return error_response(409, "conflict", "The same record was changed by another request. Try again.")
