"""Command groups that report every error in one line on standard error, and the types of arguments.

Exit status: 0 done, 1 not found or rejected because of the state, 2 wrong usage, 3 broker or database unreachable.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import click
from click.shell_completion import CompletionItem
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from gnb.config import QUEUES
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidSchedule,
    QueueingError,
    QueueUnavailable,
    UnknownJobType,
)
from gnb.queueing.options import seconds
from gnb.queueing.outage import describe

REFUSED = 1
USAGE = 2
CONNECTION_ERRORS = 3


class Failure(click.ClickException):
    """Ends a command with one line on standard error and this exit status."""

    def __init__(self, message: str, exit_code: int = REFUSED) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code  # type: ignore[misc]


@contextmanager
def database_errors() -> Iterator[None]:
    """Report in one line that the database is unreachable, busy or not migrated."""
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        cause = str(error.orig).partition("\n")[0]
        hint = " (flask db upgrade makes the tables)" if _lacks_tables(cause) else ""
        raise Failure(f"the database refuses: {cause}{hint}", CONNECTION_ERRORS) from error


def _lacks_tables(cause: str) -> bool:
    return "no such table" in cause or "does not exist" in cause


_WRONG_USAGE = (InvalidJobData, InvalidJobOption, InvalidSchedule, UnknownJobType)


class OneLineGroup(AppGroup):
    """A group of commands over the engine and the database.

    Log lines go to standard error, so that standard output has only the answer; those of long-running `services` do
    not.
    """

    services: ClassVar[frozenset[str]] = frozenset({"worker", "scheduler"})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises Failure."""
        with one_line_errors():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in self.services:
            log_to_standard_error()
        return name, command, rest


class OneLineCommand(click.Command):
    """A command that reports wrong usage in one line."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the arguments. Raises Failure."""
        with one_line_errors():
            return super().make_context(*args, **extra)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of the engine, the database and click into a Failure."""
    try:
        with database_errors():
            yield
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        raise Failure(error.format_message() + hint, USAGE) from error
    except UnicodeEncodeError as error:
        raise Failure("an argument is not UTF-8", USAGE) from error
    except QueueUnavailable as error:
        raise Failure(_outage(error), CONNECTION_ERRORS) from error
    except _WRONG_USAGE as error:
        raise Failure(str(error), USAGE) from error
    except QueueingError as error:
        raise Failure(str(error), REFUSED) from error


def _outage(error: QueueUnavailable) -> str:
    """Return the broker's address, what is wrong with it and a remedy; the error's own words if it answered."""
    context = click.get_current_context(silent=True)
    script = context.find_object(ScriptInfo) if context else None
    if script is None or error.message.code not in ("queue_unavailable.no_answer", "queue_unavailable.waiting"):
        return str(error)
    return describe(script.load_app().extensions["engine"].url, error.__cause__ or TimeoutError("no answer"))


def log_to_standard_error() -> None:
    """Log to standard error, so that standard output has only the command's answer."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


class QueueName(click.ParamType):
    """The name of a queue, with shell completion; the engine validates it."""

    name = "queue"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the queues that start with the text."""
        return [CompletionItem(name) for name in QUEUES if name.startswith(incomplete)]


_EXAMPLE = """'{"filters": {}}'"""


class JsonObject(click.ParamType):
    """A JSON object: literal, `@file` to read it from a file, `@-` from standard input."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Return the object. Fails with a usage error for anything else."""
        if isinstance(value, dict):
            return value
        try:
            loaded = json.loads(_text(value))
        except OSError as error:
            self.fail(f"{value[1:]} cannot be read: {error.strerror}", param, ctx)
        except (ValueError, RecursionError) as error:
            self.fail(f"{_shortened(value)} is not JSON ({error}); give an object, like {_EXAMPLE}", param, ctx)
        if not isinstance(loaded, dict):
            self.fail(f"{_shortened(value)} is not a JSON object; give one, like {_EXAMPLE}", param, ctx)
        return loaded


def _shortened(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:57]}..."


def _text(value: str) -> str:
    if not value.startswith("@"):
        return value
    return sys.stdin.read() if value == "@-" else Path(value[1:]).read_text("utf-8")


QUEUE = QueueName()
JSON_OBJECT = JsonObject()


class Duration(click.ParamType):
    """A duration such as `90`, `90s`, `30m`, `12h`, `30d` or `1h30m`; a number without a unit is seconds."""

    name = "duration"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration. Fails with a usage error for invalid text."""
        try:
            return timedelta(seconds=seconds(value, param.opts[0] if param else self.name))
        except InvalidJobOption as error:
            raise click.UsageError(str(error), ctx) from None


DURATION = Duration()
