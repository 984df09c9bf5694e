"""CSV exports: RFC 4180, UTF-8, constant memory. The columns of each file, the query that fills them, and the writer.

A text that a spreadsheet would run as a formula gets an apostrophe in front. The databases do that for the first
character of a cell; `guard_separators` does it after characters at which some spreadsheets begin another cell.

Headers are fixed: spreadsheets and scripts depend on them. Money is a plain decimal with two places, a day
is the pickup's calendar day in Europe/Istanbul, an instant is ISO 8601 in UTC to the second (`2026-01-31T09:30:00Z`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import sqlalchemy as sa

from gnb.models import Booking, Tour, User
from gnb.services.exports import revenue
from gnb.services.exports.filters import Conditions, booking_conditions, snapshot, user_conditions
from gnb.services.queue_service import Progress


class Kind(Enum):
    """How a column's values are written."""

    NUMBER = "number"
    WORD = "word"
    """A word from a fixed list: needs neither quotes nor a guard against formulas."""
    TEXT = "text"
    """Typed by people: may contain anything."""
    DAY = "day"
    INSTANT = "instant"
    MONEY = "money"


@dataclass(frozen=True)
class Column:
    """One column: its header, how its values are written, and where they come from."""

    header: str
    kind: Kind
    source: Any


@dataclass(frozen=True)
class Table:
    """One CSV or XLSX file: columns, where their rows come from, and in which order.

    `counted_in` has as many rows as `origin` and conditions of the same columns, and is quicker to count. `key` is a
    unique ascending number by which the rows may be read in batches, None where there is none.
    """

    columns: tuple[Column, ...]
    origin: Any
    counted_in: Any
    conditions: Conditions
    order: tuple[Any, ...]
    key: Any = None

    @property
    def header(self) -> str:
        """The file's first line, without its end."""
        return ",".join(column.header for column in self.columns)

    def counted(self) -> sa.Select[Any]:
        """Return a query for the number of rows."""
        return sa.select(sa.func.count()).select_from(self.counted_in).where(*self.conditions)

    def select(self, *expressions: Any) -> sa.Select[Any]:
        """These expressions for each row, in order."""
        return sa.select(*expressions).select_from(self.origin).where(*self.conditions).order_by(*self.order)


class Sink(Protocol):
    """Anything that takes the bytes of a file."""

    def write(self, data: bytes, /) -> Any: ...


def write_csv(export_type: str, filters: Mapping[str, Any], sink: Sink, engine: sa.Engine, progress: Progress) -> int:
    """Write the CSV file of that type and return its number of rows, without the header.

    Args:
        filters: Loaded filters.
        progress: Called with the rows written and the total. Both are read from one snapshot.
    """
    wanted = table(export_type, filters)
    with snapshot(engine) as connection:
        total = connection.scalar(wanted.counted()) or 0
        progress(0, total)
        sink.write(wanted.header.encode() + b"\r\n")
        done = 0
        for count, piece in _lines(connection, wanted):
            sink.write(guard_separators(piece, count))
            done += count
            progress(done, total)
    return done


# A spreadsheet whose list separator is a semicolon or tab (a Turkish or German Excel) begins a cell at each, does not
# respect quotation marks that a comma precedes, and so begins a row at each line break inside of them.
_FORMULA_AFTER_SEPARATOR = re.compile(
    rb'([;\t"\n\r] *)(?=[=+@-]|\xef\xbc[\x9d\x8b\x8d\xa0])'  # the last four are wide forms of the first four
)


def guard_separators(piece: bytes, rows: int) -> bytes:
    """Return whole lines with an apostrophe before each formula sign that follows a separator inside of a cell.

    Args:
        piece: As many lines as `rows`.
        rows: If there are more line breaks, some are inside of cells.
    """
    # Four searches by memchr: nearly every piece ends here, for a thousandth of the time that the expression takes.
    if b";" in piece or b"\t" in piece or b'""' in piece or piece.count(b"\n") != rows or piece.count(b"\r") != rows:
        return _FORMULA_AFTER_SEPARATOR.sub(rb"\1'", piece)
    return piece


def _lines(connection: sa.Connection, wanted: Table) -> Iterator[tuple[int, bytes]]:
    # Imported here, so that an application on SQLite does not load PostgreSQL's driver.
    if connection.dialect.name == "postgresql":
        from gnb.services.exports import csv_postgresql

        return csv_postgresql.lines(connection, wanted)
    return _lines_of_sqlite(connection, wanted)


def table(export_type: str, filters: Mapping[str, Any]) -> Table:
    """Return the columns and rows of a CSV or XLSX export, restricted by loaded filters."""
    return _TABLES[export_type.rsplit("-", 1)[0]](filters)


def _bookings(filters: Mapping[str, Any]) -> Table:
    return Table(
        columns=(
            Column("Booking ID", Kind.NUMBER, Booking.id),
            Column("Customer Name", Kind.TEXT, Booking.customer_name),
            Column("Customer Email", Kind.TEXT, Booking.customer_email),
            Column("Tour", Kind.TEXT, Tour.name),
            Column("Date", Kind.DAY, Booking.travel_date),
            Column("Guests", Kind.NUMBER, Booking.guests),
            Column("Amount", Kind.MONEY, Booking.amount),
            Column("Status", Kind.WORD, Booking.status),
            Column("Payment Method", Kind.WORD, Booking.payment_method),
            Column("Created At", Kind.INSTANT, Booking.created_at),
        ),
        origin=sa.join(Booking, Tour, Tour.id == Booking.tour_id),
        counted_in=Booking.__table__,  # each has one tour
        conditions=booking_conditions(filters),
        order=(Booking.id,),
        key=Booking.id,
    )


def _users(filters: Mapping[str, Any]) -> Table:
    return Table(
        columns=(
            Column("User ID", Kind.NUMBER, User.id),
            Column("Name", Kind.TEXT, User.name),
            Column("Email", Kind.TEXT, User.email),
            Column("Role", Kind.WORD, User.role),
            Column("Language", Kind.WORD, User.language),
            Column("Registered At", Kind.INSTANT, User.created_at),
        ),
        origin=User.__table__,
        counted_in=User.__table__,
        conditions=user_conditions(filters),
        order=(User.id,),
        key=User.id,
    )


def _revenue(filters: Mapping[str, Any]) -> Table:
    totals = revenue.by_day_and_tour(filters).subquery("totals")
    return Table(
        columns=(
            Column("Date", Kind.DAY, totals.c.day),
            Column("Tour", Kind.TEXT, totals.c.tour),
            Column("Bookings", Kind.NUMBER, totals.c.bookings),
            Column("Revenue", Kind.MONEY, totals.c.revenue),
            Column("Avg Booking Value", Kind.MONEY, totals.c.average),
        ),
        origin=totals,
        counted_in=totals,
        conditions=[],
        order=(totals.c.day, totals.c.tour),
    )


_TABLES = {"bookings": _bookings, "users": _users, "revenue": _revenue}


_BATCH = 1000
"""Rows joined into one text: asking for fewer costs a tenth of the time, more only cost memory."""

_FORMATS = {
    Kind.NUMBER: "%d",
    Kind.WORD: "%s",
    Kind.TEXT: '"%w"',
    Kind.DAY: "%s",
    Kind.INSTANT: "%.10sT%.8sZ",
    Kind.MONEY: "%d.%02d",
}


def _lines_of_sqlite(connection: sa.Connection, table: Table) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of the file after its header: how many rows each holds, and its bytes.

    Fetching ten values a row and quoting them in Python is three times slower than the `sqlite3` shell. Here SQLite's
    own `printf` writes the whole line (its `%w` doubles quotation marks), many lines are joined before they are
    fetched, and Python sees a few hundred rows a query for each text it passes on.
    """
    line = _line(table.columns)
    # Under conditions SQLite chooses an index that serves them: read once, in whatever way is best.
    whole = table.key is not None and not table.conditions
    return _by_key(connection, table, line) if whole else _in_order(connection, table, line)


def _by_key(connection: sa.Connection, table: Table, line: Any) -> Iterator[tuple[int, bytes]]:
    last = sa.bindparam("last", type_=sa.BigInteger)
    batch = table.select(table.key.label("key"), line.label("line")).where(table.key > last).limit(_BATCH).subquery()
    query = sa.select(sa.func.count(), sa.func.max(batch.c.key), sa.func.group_concat(batch.c.line, ""))
    key = 0
    while True:
        count, key, text = connection.execute(query, {"last": key}).one()
        if not count:
            return
        yield count, text.encode()


def _in_order(connection: sa.Connection, table: Table, line: Any) -> Iterator[tuple[int, bytes]]:
    result = connection.execution_options(stream_results=True).execute(table.select(line))
    for batch in result.scalars().partitions(_BATCH):
        yield len(batch), "".join(batch).encode()


def _line(columns: tuple[Column, ...]) -> sa.ColumnElement[str]:
    """Return an expression for a row's whole line, its end included."""
    form = ",".join(_FORMATS[column.kind] for column in columns) + "\r\n"
    values = [value for column in columns for value in _values(column)]
    return sa.func.printf(form, *values, type_=sa.String)


def _values(column: Column) -> tuple[Any, ...]:
    if column.kind is Kind.MONEY:
        minor = sa.type_coerce(column.source, sa.BigInteger)
        return minor // 100, minor % 100
    if column.kind is Kind.INSTANT:
        # Stored as 2026-01-31 09:30:00.000000.
        return column.source, sa.func.substr(column.source, 12)
    return (_guarded(column.source),) if column.kind is Kind.TEXT else (column.source,)


def _guarded(text: Any) -> Any:
    """Return the text, with an apostrophe in front where a spreadsheet would run it as a formula.

    Most texts begin with a letter, which the two comparisons see faster than the patterns do.
    """
    ascii_formula = sa.and_(text < "A", text.op("GLOB")("[=+@\t\r\n-]*"))
    wide_formula = sa.and_(text >= "\uff00", text.op("GLOB")("[＝＋－＠]*"))
    return sa.case((sa.or_(ascii_formula, wide_formula), sa.literal("'") + text), else_=text)
