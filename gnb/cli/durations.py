"""Durations as people type them: `90`, `90s`, `30m`, `12h`, `30d`, `1h30m`, as everywhere in a job's options."""

from __future__ import annotations

from datetime import timedelta

import click

from gnb.queueing.errors import InvalidJobOption
from gnb.queueing.options import seconds


class Duration(click.ParamType):
    """A length of time; a number without a unit is seconds."""

    name = "duration"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration. Fails with a usage error for a text that is none."""
        try:
            return timedelta(seconds=seconds(value, param.opts[0] if param else self.name))
        except InvalidJobOption as error:
            raise click.UsageError(str(error), ctx) from None


DURATION = Duration()
