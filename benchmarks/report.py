"""The table at the end of a run, and `results/latest.json`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measure

TABLE_WIDTH = 130  # narrower, and names break into columns of syllables
RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass
class Report:
    """Everything that one run found out, part by part."""

    machine: Mapping[str, str]
    versions: dict[str, str]
    quick: bool
    parts: dict[str, Sequence[Measure]] = field(default_factory=dict)
    settings: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """True when every part ran and every measure has our figure."""
        figures = [measure.ours for measures in self.parts.values() for measure in measures]
        return not self.failures and None not in figures

    def keep_others(self, again: Collection[str], path: Path = RESULTS) -> None:
        """Takes over the last run's figures of all other parts, and when they were measured.

        Raises:
            SystemExit: There is no last run, it was of another kind (quick or not), or on another machine.
        """
        last = json.loads(path.read_text()) if path.exists() else {}
        same = ("processor", "cores", "memory")
        if last.get("quick") is not self.quick or any(last["machine"][name] != self.machine[name] for name in same):
            raise SystemExit(
                f"bin/bench: {path} has no run of this kind on this machine whose other parts could be kept"
            )
        for part in last["measures"].keys() - set(again):
            self.parts[part] = [Measure.from_json(found) for found in last["measures"][part]]
            self.settings[part] = last["settings"].get(part, {})
        self.versions |= last["versions"]
        self.failures |= {part: error for part, error in last["failures"].items() if part not in again}

    def to_json(self) -> dict[str, Any]:
        """The report as it is written to disk."""
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self.quick,
            "machine": dict(self.machine),
            "versions": self.versions,
            "settings": {part: dict(values) for part, values in self.settings.items()},
            "measures": {part: [measure.to_json() for measure in found] for part, found in self.parts.items()},
            "failures": self.failures,
        }

    def write(self, path: Path = RESULTS) -> None:
        """Puts the report where the next reader looks for it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")

    def print(self, console: Console) -> None:
        """Prints machine, versions, the table and what failed."""
        console.print(", ".join(f"{name} {value}" for name, value in self.machine.items()))
        console.print(", ".join(f"{name} {value}" for name, value in self.versions.items()))
        console.print(table(self.parts))
        for part, error in self.failures.items():
            console.print(f"{part} failed: {error}", style="red", markup=False)


def table(parts: Mapping[str, Sequence[Measure]]) -> Table:
    """One row a measure, a section a part."""
    rows = Table(title="Benchmarks")
    rows.add_column("measure")
    for heading in ("ours", "peer"):
        rows.add_column(heading, justify="right")
    rows.add_column("against")
    for heading in ("ours ÷ peer", "goal", "met"):
        rows.add_column(heading, justify="right")
    for part, measures in parts.items():
        rows.add_section()
        rows.add_row(f"[bold]{part}[/bold]")
        for measure in measures:
            rows.add_row(*_cells(measure))
    return rows


def _cells(measure: Measure) -> tuple[str, ...]:
    ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
    met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[measure.met]
    name = f"{measure.name} [dim]({measure.note})[/dim]" if measure.note else measure.name
    return (
        name,
        figure(measure.ours, measure.unit),
        figure(measure.peer, measure.unit),
        measure.against,
        ratio,
        str(measure.goal or ""),
        met,
    )


def figure(value: float | None, unit: str) -> str:
    """A number with three significant digits or none after the point, and its unit: `7,412 jobs/s`, `1.38 ms`."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
