"""CSV lines from SQLite, finished there.

Fetching ten values a row and quoting them in Python is three times slower than the `sqlite3` shell. Here SQLite's own
`printf` writes the whole line (its `%w` doubles quotation marks), many lines are joined before they are fetched, and
Python sees a few hundred rows a query for each text it passes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from gnb.services.exports.csv_export import Column, Kind, Table

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


def lines(connection: sa.Connection, table: Table) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of the file after its header: how many rows each holds, and its bytes."""
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
