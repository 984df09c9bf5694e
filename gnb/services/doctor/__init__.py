"""Checks of everything that the application needs, each with a state and a remedy.

    for finding in examine(): print(finding.state, finding.check, finding.message, finding.remedy)

Nothing is changed permanently and nothing is sent. A check that fails unexpectedly is reported as a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


def examine(running: bool = True) -> Iterator[Finding]:
    """Yield each finding as soon as it is made. Without `running`, workers and scheduler are not checked."""
    from gnb.services.doctor import broker, database, installation  # these import this module

    parts: dict[str, Callable[[], Iterable[Finding]]] = {
        "configuration": installation.check_settings,
        "database": database.check_database,
        "broker": broker.check_broker,
        "mail": installation.check_mail,
        "documents": installation.check_documents,
        "storage": installation.check_storage,
    }
    if running:
        parts["workers"] = broker.check_workers
    for name, look in parts.items():
        yield from _guarded(name, look)


def _guarded(name: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - whatever a part of the machine does, the report goes on
        yield problem(name, f"the check itself failed: {type(error).__name__}: {cause(error)}", "Report this as a bug")
