"""The table of docs/performance.md: written by a run of every part that broke down nowhere, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Measure
from benchmarks.report import Report, figure

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bin/bench: from here -->\n", "<!-- bin/bench: to here -->\n"


def publish(report: Report, parts: Iterable[str], page: Path = PAGE) -> bool:
    """Whether the report was put into the page: a quick, partial or broken one is not."""
    if report.quick or not report.complete or not set(parts) <= set(report.parts):
        return False
    put_between(page, BEGIN, END, "".join(f"{line}\n" for line in _lines(report)))
    return True


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Writes the text into the page in place of what stands between the two marks."""
    before, _, rest = page.read_text().partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}{text}{end}{after}")


def _lines(report: Report) -> Iterator[str]:
    yield f"Written by `bin/bench` on {datetime.now(UTC):%Y-%m-%d}."
    yield f"{_named(report.machine)}. {_named(report.versions)}."
    for part, measures in report.parts.items():
        yield from ("", f"### {part}", "", "| measure | ours | peer | against | ours ÷ peer | goal | met |")
        yield "| --- | ---: | ---: | --- | ---: | ---: | --- |"
        yield from (f"| {' | '.join(_cells(measure))} |" for measure in measures)


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _cells(measure: Measure) -> tuple[str, ...]:
    return (
        f"{measure.name} ({measure.note})" if measure.note else measure.name,
        figure(measure.ours, measure.unit),
        figure(measure.peer, measure.unit),
        measure.against,
        "" if measure.ratio is None else f"{measure.ratio:.2f}",
        str(measure.goal or ""),
        {True: "yes", False: "no", None: ""}[measure.met],
    )
