"""Exports next to what each database's own tool, and WeasyPrint alone, make of the same rows."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.export_data import fill
from benchmarks.measure import Measure, Options, at_most, in_turn, ratio_at_least
from benchmarks.processes import PYTHON, ROOT
from tests.servers import Postgres

SETTINGS = {
    "csv": "1,000,000 bookings with their tours, in the order of their ids; into a file unless said otherwise",
    "sqlite3 -csv": "the shell, the same ten columns and join, unformatted, into a file",
    "COPY": "psql if there is one, the same ten columns and join, unformatted, FORMAT csv, into a file",
    "pdf": "5,000 bookings; WeasyPrint alone: the same template with every row at once",
}
_PLAIN = (
    "SELECT b.id, b.customer_name, b.customer_email, t.name, b.travel_date, b.adults + b.children + b.infants, "
    "b.amount, b.status, b.payment_method, b.created_at FROM bookings b JOIN tours t ON t.id = b.tour_id ORDER BY b.id"
)


class Ours:
    """An export in a process of its own; remembers the highest memory of all its runs."""

    def __init__(self, url: str, target: str, what: str) -> None:
        self._command = [PYTHON, "-m", "benchmarks.export_once", url, target, what]
        self.peaks: list[float] = []

    def __call__(self) -> float:
        """Rows a second."""
        said = subprocess.run(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, peak, rows = (float(word) for word in said.split()[-3:])
        self.peaks.append(peak)
        return rows / seconds

    @property
    def peak(self) -> float:
        """MiB, the median of the runs."""
        return statistics.median(self.peaks)


def run(options: Options) -> list[Measure]:
    """CSV on both databases, then PDF."""
    with tempfile.TemporaryDirectory(prefix="gnb-bench-") as name:
        folder = Path(name)
        return [*_csv_sqlite(options, folder), *_csv_postgresql(options, folder), *_pdf(options, folder)]


def _csv_sqlite(options: Options, folder: Path) -> list[Measure]:
    count = options.count(1_000_000, 50_000)
    path = folder / "bookings.db"
    fill(f"sqlite:///{path}", count)
    shell = shutil.which("sqlite3")
    command = [shell or "", "-csv", str(path), _PLAIN]
    return _csv(options, "SQLite", f"sqlite:///{path}", count, folder, 0.5, "sqlite3 -csv", command if shell else None)


def _csv_postgresql(options: Options, folder: Path) -> list[Measure]:
    count = options.count(1_000_000, 50_000)
    with postgresql() as server:
        url = server.url("postgres")
        fill(url.replace("postgresql://", "postgresql+psycopg://"), count)
        copy = f"COPY ({_PLAIN}) TO STDOUT (FORMAT csv)"
        psql = shutil.which("psql")
        command = [psql, "-qX", url, "-c", copy] if psql else None
        return _csv(options, "PostgreSQL", url, count, folder, 0.8, "COPY", command)


def _csv(
    options: Options,
    database: str,
    url: str,
    count: int,
    folder: Path,
    bound: float,
    tool: str,
    command: list[str] | None,
) -> list[Measure]:
    to_file, to_database = Ours(url, f"file://{folder}/files", "bookings-csv"), Ours(url, "database", "bookings-csv")
    contestants: dict[str, Callable[[], float]] = {"file": to_file, "database": to_database}
    if command:
        contestants["peer"] = lambda: count / _seconds(command, folder / "peer.csv")
    figures = in_turn(contestants, options.rounds)
    goal, common = ratio_at_least(bound), {"unit": "rows/s", "peer": figures.get("peer"), "against": tool}
    name = f"CSV of {count:,} rows, {database}"
    return [
        Measure(name=name, ours=figures["file"], goal=goal, **common),
        Measure(name=f"{name}, kept in the database", ours=figures["database"], goal=goal, **common),
        Measure(name=f"{name}: peak memory", unit="MiB", ours=to_database.peak, goal=at_most(120)),
    ]


def _pdf(options: Options, folder: Path) -> list[Measure]:
    count = options.count(5000, 500)
    url = f"sqlite:///{folder / 'documents.db'}"
    fill(url, count)
    ours = Ours(url, "database", "bookings-pdf")
    alone = Ours(url, str(folder / "alone.pdf"), "alone")
    figures = in_turn({"ours": ours, "alone": alone}, min(options.rounds, 3))
    name = f"PDF of {count:,} rows"
    return [
        Measure(
            name=name,
            unit="rows/s",
            ours=figures["ours"],
            peer=figures["alone"],
            against="WeasyPrint alone",
            goal=ratio_at_least(1),
            note=f"{figures['ours'] * 60:,.0f} rows a minute",
        ),
        Measure(
            name=f"{name}: peak memory",
            unit="MiB",
            ours=ours.peak,
            peer=alone.peak,
            against="WeasyPrint alone",
            goal=at_most(200),
        ),
    ]


def _seconds(command: list[str], target: Path) -> float:
    start = time.perf_counter()
    with target.open("wb") as file:
        subprocess.run(command, stdout=file, check=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"})
    return time.perf_counter() - start


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """A server of its own that ends with the block."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()
