"""The file of an export, whatever its type, written to whatever takes bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from gnb.services.exports.csv_file import Progress, Sink, write_csv

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


def write_export(
    export_type: str,
    filters: Mapping[str, Any],
    language: str,
    sink: Sink,
    engine: sa.Engine,
    progress: Progress = lambda _done, _total: None,
) -> int:
    """Writes the whole file, narrowed by loaded filters; returns how many rows it was made from."""
    if export_type.endswith("-csv"):
        return write_csv(export_type, filters, sink, engine, progress)
    # WeasyPrint takes half a second and 40 MB to import, which no CSV needs.
    from gnb.services.exports.bookings_pdf import write_bookings_pdf
    from gnb.services.exports.revenue_pdf import write_revenue_pdf

    write_pdf = write_bookings_pdf if export_type == "bookings-pdf" else write_revenue_pdf
    return write_pdf(filters, language, sink, engine, progress)


def extension(export_type: str) -> str:
    """`csv` or `pdf`."""
    return export_type.rsplit("-", 1)[1]


def file_name(export_type: str, filters: Mapping[str, Any], made_on: str) -> str:
    """A name that says what is inside: `bookings-2026-01-01-to-2026-01-31.csv`, `users-made-2026-02-01.csv`."""
    subject = export_type.rsplit("-", 1)[0]
    start, end = filters.get("start_date"), filters.get("end_date")
    if start and end:
        span = f"{start}-to-{end}"
    elif start or end:
        span = f"from-{start}" if start else f"until-{end}"
    else:
        span = f"made-{made_on}"
    return f"{subject}-{span}.{extension(export_type)}"
