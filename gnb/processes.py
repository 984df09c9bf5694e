"""What processes that start others need to leave nothing behind."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl if hasattr(ctypes.CDLL(None), "prctl") else None


def end_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Has Linux send this process the signal when its parent ends, however that one ends (for `preexec_fn`)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal_number)
