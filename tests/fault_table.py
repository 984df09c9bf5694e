"""What the faults cost, as a table at the end of a run that had any: its rows come from the tests' own counts."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

_HEADINGS = ("fault", "jobs", "lost", "doubled", "longest recovery")


@dataclass
class Fault:
    """One row. A test names the fault at its start and writes down what it saw, before it judges it.

    `lost`: accepted and never done. `doubled`: whose work was done more than once. `recovery`: seconds from the fault,
    or the longest of them, until the work went on.
    """

    name: str = ""
    jobs: int = 0
    lost: int | None = None
    doubled: int | None = None
    recovery: float | None = None


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    """The test's row of the table; not printed unless the test names it."""
    row = Fault()
    yield row
    if row.name:
        request.node.user_properties.append(("fault", asdict(row)))


def print_table(reporter: Any) -> None:
    """The rows of all tests of the run, wherever they ran."""
    # A row is written down in its test's teardown, so the report of that alone has it; when passed, its kind is "".
    reports = [report for kind in ("", "error") for report in reporter.stats.get(kind, ())]
    rows = [value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "fault"]
    if not rows:
        return
    reporter.section("faults")
    for line in lines([Fault(**row) for row in rows]):
        reporter.write_line(line)


def lines(rows: list[Fault]) -> list[str]:
    """The table in Markdown, its columns aligned."""
    cells = [_HEADINGS, *sorted(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * 4]
    written = [
        "| " + " | ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "| " + " | ".join("-" * width if at == 0 else "-" * (width - 1) + ":" for at, width in enumerate(widths))
    return [written[0], rule + " |", *written[1:]]


def _cells(row: Fault) -> tuple[str, ...]:
    counts = ("–" if count is None else f"{count:,}" for count in (row.lost, row.doubled))
    return (row.name, f"{row.jobs:,}", *counts, "–" if row.recovery is None else f"{row.recovery:.1f} s")
