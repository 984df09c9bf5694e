"""Output of commands: coloured tables on a terminal, plain aligned columns in a pipe, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 100_000  # a pipe has no edge: nothing is cut or wrapped
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
_COLOURS = {
    "failed": "red",
    "active": "green",
    "delayed": "cyan",
    "paused": "yellow",
    "suspended": "yellow",
    "no workers": "red",
}


def console() -> Console:
    """Return a console on standard output; without colours and line breaks if it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH, no_color=True)


def print_json(value: Any) -> None:
    """Print the value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Return a table; columns whose heading starts with `>` are numeric and right-aligned."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(
            heading.removeprefix(">"), justify="right" if heading[0] == ">" else "left", overflow="fold", no_wrap=False
        )
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def cell(value: Any) -> str:
    """Format a value for a table: numbers grouped, nothing as a dash, control characters and markup escaped."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = printable(str(value))
    escaped = text.replace("[", r"\[")
    return f"[{_COLOURS[text]}]{escaped}[/]" if text in _COLOURS else escaped


def counted(number: int, thing: str) -> str:
    """Format a number of things: `1 job`, `2,000 jobs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Replace characters that would control the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Format a moment relative to now: `5m ago`, `in 2h`."""
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float | None) -> str:
    """Format a duration in its largest unit: `850ms`, `12s`, `3h`."""
    if seconds is None:
        return ""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def exact(moment: datetime | None) -> str:
    """Format a moment to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""
