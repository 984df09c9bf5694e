"""`bin/bench [--only engine,…] [--again] [--quick]`: runs the parts, prints a table, writes results/latest.json."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence

from rich.console import Console

from benchmarks.machine import describe_machine, package_versions
from benchmarks.measure import Options
from benchmarks.publish import PAGE, publish
from benchmarks.report import RESULTS, TABLE_WIDTH, Report

# Each is a module of this package with `run(options) -> list[Measure]`; README.md says what else it may have.
PARTS = ("engine", "pages", "exports", "mail", "bookings", "memory")
ON_DEMAND = ("steady",)
"""Run only when named: this one takes as long as one says."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when everything was measured (goals reached or not), 1 when something broke down."""
    chosen = _parse(arguments)
    console = Console(width=max(Console().width, TABLE_WIDTH))
    report = Report(describe_machine(), package_versions(), quick=chosen.quick)
    if chosen.again:
        report.keep_others(chosen.only)
    for part in chosen.only:
        console.print(f"[bold]{part}[/bold] …")
        _run_part(part, Options(chosen.quick, chosen.minutes), report)
    report.parts = {part: report.parts[part] for part in PARTS + ON_DEMAND if part in report.parts}
    report.print(console)
    report.write()
    console.print(f"Written to {RESULTS}")
    if publish(report, PARTS):
        console.print(f"Written to {PAGE}")
    return 0 if report.complete else 1


def _run_part(part: str, options: Options, report: Report) -> None:
    try:
        module = importlib.import_module(f"benchmarks.{part}")
        report.parts[part] = module.run(options)
        report.settings[part] = getattr(module, "SETTINGS", {})
        if hasattr(module, "versions"):
            report.versions.update(module.versions())
    except Exception as error:  # noqa: BLE001 - one part's breakdown must not cost the others' figures
        traceback.print_exc()
        report.failures[part] = f"{type(error).__name__}: {error}"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measures the project next to its peers.")
    parser.add_argument(
        "--only", type=_parts, default=PARTS, metavar="PART,…", help=f"some of: {', '.join(PARTS + ON_DEMAND)}"
    )
    parser.add_argument("--again", action="store_true", help="keep the other parts' figures of the last run")
    parser.add_argument("--quick", action="store_true", help="small counts, one round: a look, not a figure to quote")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long `steady` runs (30)")
    return parser.parse_args(arguments)


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in PARTS + ON_DEMAND]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text!r}: choose from {', '.join(PARTS + ON_DEMAND)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
