"""What a check found: one line, and what to do about it where something is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `remedy` is empty where nothing is to be done."""

    check: str
    state: State
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """All is well, and this is how it stands."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """It works, but will not for ever or for everybody."""
    return Finding(check, "warning", message, remedy)


def problem(check: str, message: str, remedy: str) -> Finding:
    """It does not work, or loses something."""
    return Finding(check, "problem", message, remedy)


def cause(error: BaseException) -> str:
    """The first line of what an error says, without what follows for programmers; its kind if it says nothing."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(original).__name__])[0][:300]
