"""Request metrics of several web processes: each process writes its own files, which are summed when scraped.

A file belongs to a slot rather than a process: a replacement process continues counting in the same file. So there are
never more files than concurrent processes, and no counter decreases when a process is replaced.
"""

import os
import shutil
import tempfile
from pathlib import Path

from prometheus_client import values

THREADS = 8
"""How many requests one web process answers at a time."""

_slot = "main"
_prepared = False
_made: tuple[int, str] | None = None


def prepare(folder: str) -> None:
    """Store all metrics that are created from now on in files; call this before importing the application.

    Args:
        folder: Where to store them; it is then managed from outside. If empty, a temporary folder is made.
    """
    global _made, _prepared
    if not folder:
        folder = tempfile.mkdtemp(prefix="gnb-metrics-")
        _made = os.getpid(), folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # prometheus_client knows it from there alone
    values.ValueClass = values.MultiProcessValue(lambda: _slot)
    _prepared = True


def counts_in_files() -> bool:
    """Return whether this process and its siblings store their metrics in files."""
    return _prepared


def free_slot(taken: set[int]) -> int:
    """Return the lowest number that no process uses."""
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def take_slot(number: int) -> None:
    """Make this process count in the files of a slot."""
    global _slot
    _slot = f"web{number}"


def clear() -> None:
    """Delete the folder if `prepare` created it in this process."""
    if _made and _made[0] == os.getpid():
        shutil.rmtree(_made[1], ignore_errors=True)
