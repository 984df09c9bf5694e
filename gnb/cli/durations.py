"""Durations as people type them: `90`, `90s`, `30m`, `12h`, `30d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_FORM = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


class Duration(click.ParamType):
    """A length of time; a number without a unit is seconds."""

    name = "duration"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration. Fails with a usage error for a text that is none."""
        if isinstance(value, timedelta):
            return value
        found = _FORM.fullmatch(value.strip())
        if not found or not any(found.groups()):
            self.fail(f"{value!r} is no duration: write 90s, 30m, 12h or 30d", param, ctx)
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        try:
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


DURATION = Duration()
