"""Request metrics of several web processes: each writes into files of its own, and whoever is scraped adds them up.

A file belongs to a slot and not to a process: the process that replaces another goes on counting in the same file.
So there are never more files than processes side by side, and no number falls when a process is replaced.
"""

import os
import shutil
import tempfile
from pathlib import Path

from prometheus_client import values

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's own variable: whoever sets it names the folder, and looks after it."""

THREADS = 8
"""How many requests one web process answers at a time."""

_slot = "main"
_made: tuple[int, str] | None = None


def prepare() -> None:
    """Have metrics that are made from now on kept in files; before the application is imported."""
    global _made
    folder = os.environ.get(FOLDER)
    if folder is None:
        folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="gnb-metrics-")
        _made = os.getpid(), folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    values.ValueClass = values.MultiProcessValue(lambda: _slot)


def free_slot(taken: set[int]) -> int:
    """The lowest number that no process has."""
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def take_slot(number: int) -> None:
    """This process counts in that slot's files from now on."""
    global _slot
    _slot = f"web{number}"


def clear() -> None:
    """Remove the folder if `prepare` has made it in this process."""
    if _made and _made[0] == os.getpid():
        shutil.rmtree(_made[1], ignore_errors=True)
