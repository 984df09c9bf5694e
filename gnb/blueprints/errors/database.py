"""A database that is away or busy, values that it cannot hold, and two who write the same at once."""

import structlog
from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gnb.blueprints.errors.answers import answer
from gnb.extensions import db

log = structlog.stdlib.get_logger(__name__)


def register(app: Flask) -> None:
    """Answer 503 while the database is away, 422 for a value that no column can hold, 409 to the slower of two."""
    app.register_error_handler(OperationalError, _away)
    app.register_error_handler(InterfaceError, _away)
    app.register_error_handler(PoolTimeout, _away)
    app.register_error_handler(DataError, _beyond_column)
    app.register_error_handler(OverflowError, _beyond_column)
    app.register_error_handler(IntegrityError, _conflict)


def _away(error: Exception) -> ResponseReturnValue:
    # The cause without SQLAlchemy's statement and parameters, which hold what people typed.
    log.error(
        "database away", error=type(error).__name__, cause=str(getattr(error, "orig", "")) or "no connection free"
    )
    return answer(503, "database_unavailable", "The database does not answer.", headers={"Retry-After": "5"})


def _beyond_column(error: Exception) -> ResponseReturnValue:
    db.session.rollback()  # the page that says so asks who is signed in
    log.warning("value refused by the database", error=type(getattr(error, "orig", error)).__name__)
    return answer(422, "invalid", "A value is longer, larger or of other characters than can be stored.")


def _conflict(error: IntegrityError) -> ResponseReturnValue:
    db.session.rollback()
    log.error("refused by a constraint of the database", cause=str(error.orig))
    return answer(409, "conflict", "Somebody else has changed the same thing at this moment. Try again.")
