"""Checks of everything that the application needs, each with a state and a remedy.

    for finding in examine(): print(finding.state, finding.check, finding.message, finding.remedy)

Nothing is changed permanently and nothing is sent. A check that fails unexpectedly is reported as a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gnb.services.doctor import broker, database, installation
from gnb.services.doctor.findings import Finding, cause, problem

__all__ = ["Finding", "examine"]

_PARTS = {
    "configuration": installation.check_settings,
    "database": database.check_database,
    "broker": broker.check_broker,
    "mail": installation.check_mail,
    "documents": installation.check_documents,
    "storage": installation.check_storage,
}


def examine(running: bool = True) -> Iterator[Finding]:
    """Yield each finding as soon as it is made. Without `running`, workers and scheduler are not checked."""
    parts = {**_PARTS, "workers": broker.check_workers} if running else _PARTS
    for name, look in parts.items():
        yield from _guarded(name, look)


def _guarded(name: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - whatever a part of the machine does, the report goes on
        yield problem(name, f"the check itself failed: {type(error).__name__}: {cause(error)}", "Report this as a bug")
