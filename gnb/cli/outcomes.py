"""How commands end: 0 done, 1 not found or refused by state, 2 wrong usage, 3 broker or database away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

REFUSED = 1
USAGE = 2
CONNECTION_ERRORS = 3


class Failure(click.ClickException):
    """Ends a command with one line on standard error and the exit status given."""

    def __init__(self, message: str, exit_code: int = REFUSED) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code  # type: ignore[misc]


@contextmanager
def database_errors() -> Iterator[None]:
    """Say in one line that the database is away, busy or without its tables."""
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        cause = str(error.orig).partition("\n")[0]
        hint = " (flask db upgrade makes the tables)" if _lacks_tables(cause) else ""
        raise Failure(f"the database refuses: {cause}{hint}", CONNECTION_ERRORS) from error


def _lacks_tables(cause: str) -> bool:
    return "no such table" in cause or "does not exist" in cause
