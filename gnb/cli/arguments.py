"""Argument types of the commands: queues by name, data as JSON, durations."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from gnb.config import QUEUES
from gnb.queueing.errors import InvalidJobOption
from gnb.queueing.options import seconds


class QueueName(click.ParamType):
    """The name of a queue, with shell completion; the engine validates it."""

    name = "queue"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the queues that start with the text."""
        return [CompletionItem(name) for name in QUEUES if name.startswith(incomplete)]


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
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(loaded, dict):
            self.fail("give a JSON object, like '{\"filters\": {}}'", param, ctx)
        return loaded


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
