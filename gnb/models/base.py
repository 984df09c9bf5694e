"""The database object, the column types that both databases store exactly, and the model base class.

    from gnb.models.base import Model, Money, UtcDateTime, db

SQLite has neither time zones nor exact decimals, so both are stored in a form that any database keeps
exactly: instants in UTC, money as whole minor units (cents, kuruş). Python sees aware datetimes and
two-place Decimals on SQLite and on PostgreSQL alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from flask import has_request_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

MINOR_DIGITS = 2
"""Decimal places of every currency sold in (EUR, GBP, TRY, USD)."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: rejects naive datetimes, stores UTC, returns aware datetimes in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount with two decimal places, stored as whole minor units in a BIGINT.

    `SUM` over it is integer arithmetic, hence exact on both databases, and comes back as a Decimal:
    `func.sum(Booking.amount)`. Multiplying or dividing leaves the type: `BookingExtra.unit_price *
    BookingExtra.quantity` is an integer of minor units, which `sa.type_coerce(…, Money())` turns into an
    amount again. `func.avg` gives minor units as a float: divide the sum by the count in Python instead.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: sa.Dialect) -> int | None:
        if value is None:
            return None
        if isinstance(value, float):
            raise TypeError(f"an amount is a Decimal, not a float: {value!r}")
        minor = Decimal(value).scaleb(MINOR_DIGITS)
        if minor != minor.to_integral_value():
            raise ValueError(f"an amount has at most {MINOR_DIGITS} decimal places: {value}")
        return int(minor)

    def process_result_value(self, value: int | Decimal | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value)).scaleb(-MINOR_DIGITS)

    def coerce_compared_value(self, op: operators.OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Treat a factor as a plain number; only what is compared, added or subtracted is an amount."""
        if op in (operators.mul, operators.truediv, operators.floordiv, operators.mod):
            return sa.BigInteger() if isinstance(value, int) else sa.Numeric()
        return self


Json = sa.JSON().with_variant(JSONB(), "postgresql")
OptionalJson = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""The key of a table that grows without end; SQLite numbers rows itself only under the name INTEGER."""


class Base(DeclarativeBase):
    """The base of all tables: constraint names that migrations rely on, and the Python types of columns."""

    registry = registry(
        metadata=sa.MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: UtcDateTime(),
            Decimal: Money(),
            dict[str, Any]: Json,
            dict[str, str]: Json,
            list[int]: Json,
        },
    )


class _Session(Session):
    """Flask-SQLAlchemy's session; within a request, a commit leaves readable what is loaded.

    The answer is then made without another query: a database that fails right after the commit does not turn a change
    that was made into an error.
    """

    def commit(self) -> None:
        """Commit the transaction, and expire what is loaded unless this is a request."""
        self.expire_on_commit = not has_request_context()
        super().commit()


db = SQLAlchemy(model_class=Base, session_options={"class_": _Session})

if TYPE_CHECKING:

    class Model(Base):
        """The typed face of `db.Model`."""

        __abstract__ = True
else:
    Model = db.Model


@sa.event.listens_for(sa.Engine, "handle_error")
def _keep_rows_out(context: sa.ExceptionContext) -> None:
    """Remove the row that PostgreSQL's errors quote: it does not belong in logs, jobs and error reports."""
    error = context.sqlalchemy_exception
    if isinstance(error, sa.exc.DBAPIError):
        for each in filter(None, (error, error.orig)):
            each.args = tuple(str(words).partition("\nDETAIL:")[0] for words in each.args)


_OUTAGE_STATES = ("08", "53", "57P", "58")
"""How the SQLSTATE of PostgreSQL begins: connection, resources, operator, system."""
_OUTAGES_OF_SQLITE = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")


def is_database_outage(error: BaseException) -> bool:
    """Return whether the error says that the database cannot be used at the moment, whatever was asked of it."""
    if isinstance(error, sa.exc.TimeoutError):  # no connection became free
        return True
    if not isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError)):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return str(getattr(error.orig, "sqlite_errorname", "")).startswith(_OUTAGES_OF_SQLITE)
    state = getattr(error.orig, "sqlstate", None)  # none where there was no answer
    return error.connection_invalidated or state is None or state.startswith(_OUTAGE_STATES)


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)


def execute_count(statement: sa.UpdateBase) -> int:
    """Execute an UPDATE or DELETE in the session's transaction and return the number of rows it changed.

    Objects in the session are not updated; refresh those that are still needed.
    """
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount


def one_of(column: str, values: Sequence[str]) -> sa.CheckConstraint:
    """Return a constraint that limits a text column to the listed values (NULL passes if the column allows it)."""
    words = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


_PRAGMAS = (
    "busy_timeout = 10000",  # ms that a writer waits for another one's turn to end
    "journal_mode = WAL",  # readers go on while one writes
    "synchronous = NORMAL",  # with WAL safe against a crash of the process, and quick
    "foreign_keys = ON",
)


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


LANGUAGES = ("tr", "en", "de", "ru", "ar", "fr")
"""What a user or a customer may prefer. Texts exist in `TEXT_LANGUAGES`; the others fall back to English."""

TEXT_LANGUAGES = ("tr", "en")
DEFAULT_LANGUAGE = "en"


def localized(texts: dict[str, str], language: str) -> str:
    """Return the text in the language, else in English, else in any language ("" if there is none)."""
    return texts.get(language) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")
