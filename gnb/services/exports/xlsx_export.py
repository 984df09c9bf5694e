"""XLSX exports: the tables of the CSV exports with typed cells, which no spreadsheet takes for a formula.

XlsxWriter writes each row to a temporary file as soon as it is complete, so memory does not grow with the rows. The
finished file is copied from a temporary file too, because a ZIP archive is not written in one pass.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from gnb.services.exports.csv_export import Column, Kind, Sink, table
from gnb.services.exports.filters import snapshot
from gnb.services.queue_service import Progress

ROWS_PER_SHEET = 1_048_575
"""What a sheet of the format holds beneath its header; further rows go to further sheets."""

_BATCH = 1000
_PIECE = 256 * 1024
_FORMATS = {Kind.DAY: "yyyy-mm-dd", Kind.INSTANT: "yyyy-mm-dd hh:mm:ss", Kind.MONEY: "0.00"}
_WIDTHS = {Kind.NUMBER: 11, Kind.WORD: 15, Kind.TEXT: 28, Kind.DAY: 12, Kind.INSTANT: 20, Kind.MONEY: 13}


def write_xlsx(export_type: str, filters: Mapping[str, Any], sink: Sink, engine: sa.Engine, progress: Progress) -> int:
    """Write the XLSX file of that type and return its number of rows, without the headers.

    Args:
        filters: Loaded filters.
        progress: Called with the rows written and the total. Both are read from one snapshot.
    """
    wanted = table(export_type, filters)
    with tempfile.TemporaryFile() as file, snapshot(engine) as connection:
        total = connection.scalar(wanted.counted()) or 0
        progress(0, total)
        with Workbook(file, {"constant_memory": True}) as workbook:
            sheets = _Sheets(workbook, wanted.columns)
            query = wanted.select(*(column.source.label(f"c{n}") for n, column in enumerate(wanted.columns)))
            for rows in connection.execution_options(yield_per=_BATCH).execute(query).partitions():
                for row in rows:
                    sheets.add(row)
                progress(sheets.count, total)
        file.seek(0)
        while piece := file.read(_PIECE):
            sink.write(piece)
    return sheets.count


class _Sheets:
    """The sheets of one workbook: a new one is begun when a sheet is full."""

    def __init__(self, workbook: Workbook, columns: tuple[Column, ...]) -> None:
        self._workbook = workbook
        self._columns = columns
        formats = {kind: workbook.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
        self._kinds = [(position, column.kind, formats.get(column.kind)) for position, column in enumerate(columns)]
        self._bold = workbook.add_format({"bold": True})
        self.count = 0
        """Rows so far."""
        self._sheet = self._begin()

    def add(self, row: Any) -> None:
        """Add a row with a typed cell for each column."""
        if self.count and self.count % ROWS_PER_SHEET == 0:
            self._sheet = self._begin()
        line = self.count % ROWS_PER_SHEET + 1
        for (position, kind, form), value in zip(self._kinds, row, strict=True):
            if kind is Kind.TEXT or kind is Kind.WORD:
                self._sheet.write_string(line, position, value)
            elif kind is Kind.NUMBER or kind is Kind.MONEY:
                self._sheet.write_number(line, position, value, form)
            else:  # the format knows no time zones: an instant is in UTC
                moment = value.replace(tzinfo=None, microsecond=0) if isinstance(value, datetime) else value
                self._sheet.write_datetime(line, position, moment, form)
        self.count += 1

    def _begin(self) -> Worksheet:
        sheet = self._workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        for position, column in enumerate(self._columns):
            sheet.set_column(position, position, _WIDTHS[column.kind])
            sheet.write_string(0, position, column.header, self._bold)
        return sheet
