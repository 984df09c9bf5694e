"""A CSV export written to a file: RFC 4180, UTF-8, memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import sqlalchemy as sa

from gnb.services.exports.csv_columns import Table, table
from gnb.services.exports.snapshot import snapshot

Progress = Callable[[int, int], None]
"""Told how many rows are done, of how many."""


class Sink(Protocol):
    """What a file's bytes go to."""

    def write(self, data: bytes, /) -> Any: ...


def write_csv(export_type: str, filters: Mapping[str, Any], sink: Sink, engine: sa.Engine, progress: Progress) -> int:
    """Writes the file of that type, narrowed by loaded filters; returns its number of rows, header not counted.

    Count and rows are of one moment, however long the writing takes.
    """
    wanted = table(export_type, filters)
    with snapshot(engine) as connection:
        total = connection.scalar(wanted.counted()) or 0
        progress(0, total)
        sink.write(wanted.header.encode() + b"\r\n")
        done = 0
        for count, piece in _lines(connection, wanted):
            sink.write(piece)
            done += count
            progress(done, total)
    return done


def _lines(connection: sa.Connection, wanted: Table) -> Iterator[tuple[int, bytes]]:
    # Imported here, so that an application on SQLite does not carry PostgreSQL's driver.
    if connection.dialect.name == "postgresql":
        from gnb.services.exports import csv_postgresql

        return csv_postgresql.lines(connection, wanted)
    from gnb.services.exports import csv_sqlite

    return csv_sqlite.lines(connection, wanted)
