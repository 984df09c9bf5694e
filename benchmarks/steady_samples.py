"""What is sampled of a steady run: memory and open files of the processes, the broker's data, the database's rows."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.measure import percentile
from benchmarks.processes import family
from benchmarks.steady_load import Load
from benchmarks.steady_world import World
from benchmarks.supervisor import proportional_memory
from gnb.extensions import engine

TABLES = ("deliveries", "exports", "export_chunks", "audit_entries")
Wanted = Literal["level", "about level", "kept up", "grows"]


@dataclass
class Series:
    """One line: its values, one a sample, and what they are expected to do."""

    name: str
    unit: str
    group: str
    wanted: Wanted = "level"
    values: list[float] = field(default_factory=list)


class Sampler:
    """Takes samples of a world and its load."""

    def __init__(self, place: World, load: Load) -> None:
        self.times: list[float] = []
        self._place = place
        self._load = load
        self._series: dict[str, Series] = {}
        self._seen = 0
        self._done: tuple[float, int] | None = None

    def series(self) -> list[Series]:
        return list(self._series.values())

    def sample(self, at: float) -> None:
        """One value more of every series, `at` seconds after the start."""
        self.times.append(at)
        for kind, members in self._families().items():
            memory, files = 0.0, 0
            for pid in members:
                with suppress(OSError):  # killed or replaced at this moment
                    memory += proportional_memory(pid)
                    files += len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a count, many times over
            self._add(f"memory (PSS), {kind}", "MB", "memory", memory)
            self._add(f"open files, {kind}", "files", "files", files)
        self._sample_broker()
        self._sample_database()
        self._sample_work(at)

    def _families(self) -> dict[str, list[int]]:
        """The processes of each kind; the supervisor apart from its workers."""
        found = {kind: family(pid) for kind, pid in self._place.pids.items()}
        parent = self._place.pids["workers"]
        return {**found, "supervisor": [parent], "workers": [pid for pid in found["workers"] if pid != parent]}

    def _sample_broker(self) -> None:
        with self._place.app.app_context():
            client = engine().broker.client
            self._add("broker's keys", "keys", "broker", client.dbsize())
            self._add("broker's data", "MB", "broker memory", client.info("memory")["used_memory"] / 1e6)

    def _sample_database(self) -> None:
        with closing(sqlite3.connect(f"file:{self._place.database}?mode=ro", uri=True, timeout=10)) as connection:
            for table in TABLES:
                (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                self._add(f"rows of {table}", "rows", "rows", rows, "grows")
        self._add("database file", "MB", "database", self._place.database.stat().st_size / 1e6, "grows")

    def _sample_work(self, at: float) -> None:
        done, seconds = self._load.done(), self._load.seconds[self._seen :]
        if self._done is not None and at > self._done[0]:
            rate = (done - self._done[1]) / (at - self._done[0])
            self._add("jobs done a second", "jobs/s", "jobs", rate, "kept up")
        if seconds:
            self._add("answers, 95th percentile", "ms", "answers", 1000 * percentile(seconds, 0.95), "about level")
        self._done, self._seen = (at, done), self._seen + len(seconds)

    def _add(self, name: str, unit: str, group: str, value: float, wanted: Wanted = "level") -> None:
        if name not in self._series:
            self._series[name] = Series(name, unit, group, wanted)
        self._series[name].values.append(value)


def children(pid: int) -> list[int]:
    """All that descend from the process."""
    return family(pid)[1:]


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
