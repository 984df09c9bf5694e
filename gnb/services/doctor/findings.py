"""The finding of a check: one line, and how to fix it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `remedy` is empty if there is nothing to do."""

    check: str
    state: State
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that works, but not permanently or not for everyone."""
    return Finding(check, "warning", message, remedy)


def problem(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that does not work, or loses data."""
    return Finding(check, "problem", message, remedy)


def cause(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(original).__name__])[0][:300]


_WARN_FROM = 2.0
_PROBLEM_FROM = 60.0
_SET_CLOCK = "Let both machines keep time by NTP: timedatectl set-ntp true"


def compare(whose: str, theirs: float, before: float, after: float) -> Finding:
    """Compare another clock (epoch seconds) with ours, read before and after it."""
    name = f"clock ({whose})"
    apart = max(before - theirs, theirs - after, 0.0)
    words = f"{apart:.1f} s from this machine's"
    if apart >= _PROBLEM_FROM:
        return problem(name, f"{words}: sessions and tokens end at the wrong time", _SET_CLOCK)
    if apart >= _WARN_FROM:
        return warning(name, f"{words}: waiting times are shown wrongly", _SET_CLOCK)
    return ok(name, words)
