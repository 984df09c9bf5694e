"""What processes that start others need: an end with their parent, and a bound for their memory."""

import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl if hasattr(ctypes.CDLL(None), "prctl") else None


def end_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Has Linux send this process the signal when its parent ends, however that one ends (for `preexec_fn`)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal_number)


def memory_of_a_process() -> int:
    """Return how many MB a worker process may use: a quarter of what the machine or cgroup has, from 256 to 1024."""
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            available = min(available, int(Path(file).read_text()))
        except (OSError, ValueError):  # no such cgroup version, or "max"
            continue
    return max(256, min(available // 4 >> 20, 1024))
