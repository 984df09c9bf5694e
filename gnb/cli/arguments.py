"""Arguments of the job commands: queues by name, data as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from gnb.config import QUEUES


class QueueName(click.ParamType):
    """A queue's name, completed by the shell; whether there is such a queue, the engine says."""

    name = "queue"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The queues that begin so."""
        return [CompletionItem(name) for name in QUEUES if name.startswith(incomplete)]


class JsonObject(click.ParamType):
    """A JSON object: as it is, `@file` to read it from a file, `@-` from standard input."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """The object. Fails with a usage error for anything else."""
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
