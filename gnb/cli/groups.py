"""Command groups whose every error is one line on standard error, with the exit status of its kind."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import click
from flask.cli import AppGroup

from gnb.cli.outcomes import CONNECTION_ERRORS, REFUSED, USAGE, Failure, database_errors
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidSchedule,
    QueueingError,
    QueueUnavailable,
    UnknownJobType,
)

_WRONG_USAGE = (InvalidJobData, InvalidJobOption, InvalidSchedule, UnknownJobType)


class OneLineGroup(AppGroup):
    """A group of commands over the engine and the database. Log lines go to standard error, so that standard output
    is the answer alone; those of `services`, which run on, stay where they are."""

    services: ClassVar[frozenset[str]] = frozenset({"worker", "scheduler"})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command named. Raises Failure."""
        with one_line_errors():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in self.services:
            log_to_standard_error()
        return name, command, rest


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what the engine, the database and click's own checks raise into a Failure."""
    try:
        with database_errors():
            yield
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        raise Failure(error.format_message() + hint, USAGE) from error
    except UnicodeEncodeError as error:
        raise Failure("an argument is not UTF-8", USAGE) from error
    except QueueUnavailable as error:
        raise Failure(str(error), CONNECTION_ERRORS) from error
    except _WRONG_USAGE as error:
        raise Failure(str(error), USAGE) from error
    except QueueingError as error:
        raise Failure(str(error), REFUSED) from error


def log_to_standard_error() -> None:
    """Leave standard output to the command's answer."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
