"""CSV lines from PostgreSQL's own `COPY … TO STDOUT`: the server quotes, Python passes on.

COPY ends lines with a line feed; RFC 4180 wants a carriage return in front of it. The protocol promises a message for
each row, so the end of a row is known without looking inside for quotation marks.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from gnb.services.exports.csv_columns import Column, Kind, Table

_BATCH = 2000
"""Rows joined into one piece."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def lines(connection: sa.Connection, table: Table) -> Iterator[tuple[int, bytes]]:
    """Pieces of the file after its header: how many rows each holds, and its bytes."""
    driver: Any = connection.connection.driver_connection
    for rows in _batches(driver, f"COPY ({_query(driver, table)}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"):
        piece = b"".join(rows)
        if piece.count(b"\n") == len(rows):
            yield len(rows), piece.replace(b"\n", b"\r\n")
        else:  # some cell holds a line feed, which stays as it is
            yield len(rows), b"".join(row[:-1] + b"\r\n" for row in rows)


def _batches(driver: psycopg.Connection[Any], statement: str) -> Iterator[list[bytes]]:
    """The rows as COPY sends them, many at a time.

    Asked of libpq itself: psycopg's own loop spends as much time a row as the server does on making it.
    """
    libpq = driver.pgconn
    libpq.send_query(statement.encode())
    _expect(libpq, pq.ExecStatus.COPY_OUT)
    next_row, more = libpq.get_copy_data, True
    while more:
        rows: list[bytes] = []
        add = rows.append
        while len(rows) < _BATCH:
            length, row = next_row(1)
            if length > 0:
                add(bytes(row))
            elif length == 0:
                _wait(libpq)
            else:
                more = False
                break
        if rows:
            yield rows
    _expect(libpq, pq.ExecStatus.COMMAND_OK)
    while libpq.get_result() is not None:
        pass


def _wait(libpq: Any) -> None:
    """Until the server has sent more. libpq's own waiting would let no other thread run, and no signal be heard."""
    poll = select.poll()
    poll.register(libpq.socket, select.POLLIN)
    poll.poll()
    libpq.consume_input()


def _expect(libpq: Any, status: pq.ExecStatus) -> None:
    while libpq.is_busy():
        _wait(libpq)
    result = libpq.get_result()
    if result is None or result.status != status:
        message = result.error_message.decode(errors="replace") if result else "the connection is gone"
        raise psycopg.OperationalError(message.strip().splitlines()[0] if message.strip() else "COPY failed")


def _query(driver: psycopg.Connection[Any], table: Table) -> str:
    """The table's query as text: COPY takes no parameters, so the driver writes the values in, quoted."""
    query = table.select(*(_value(column) for column in table.columns))
    compiled = query.compile(dialect=PGDialect_psycopg(), compile_kwargs={"render_postcompile": True})
    return psycopg.ClientCursor(driver).mogrify(compiled.string, compiled.params)


def _value(column: Column) -> Any:
    if column.kind is Kind.MONEY:
        # A whole number times 0.01 has two decimal places, exactly.
        return sa.type_coerce(column.source, sa.BigInteger) * sa.literal_column("0.01")
    if column.kind is Kind.INSTANT:
        return sa.func.to_char(sa.func.timezone("UTC", column.source), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    return _guarded(column.source) if column.kind is Kind.TEXT else column.source


def _guarded(text: Any) -> Any:
    """The text, with an apostrophe in front where a spreadsheet would run it as a formula."""
    # PostgreSQL's ascii() gives the code point of the first letter, whatever the script: quicker than cutting it off.
    formula = sa.func.ascii(text).in_([ord(letter) for letter in _FORMULA_STARTS])
    return sa.case((formula, sa.literal("'") + text), else_=text)
