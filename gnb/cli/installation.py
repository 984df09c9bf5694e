"""`flask demo load`, and `flask doctor`, which checks every dependency: exit status 0 without problems, 3 with one."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext

from gnb.cli.groups import (
    CONNECTION_ERRORS,
    USAGE,
    Failure,
    OneLineCommand,
    OneLineGroup,
    database_errors,
    log_to_standard_error,
)
from gnb.cli.output import print_json, printable
from gnb.models import local_day, now
from gnb.services import demo as demo_service
from gnb.services.accounts import passwords
from gnb.services.demo.people import STAFF_DOMAIN
from gnb.services.doctor import Finding, examine

demo = OneLineGroup("demo", help="Demo data.")


@demo.command("load")
@click.option("--bookings", type=click.IntRange(1, 5_000_000), default=3000, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and day give the same data.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day that the data ends at. [default: today]")
@click.option("--staff-password", help=f"Lets the accounts admin@{STAFF_DOMAIN}, support@… and so on sign in with it.")
def load(bookings: int, seed: int, until: datetime | None, staff_password: str | None) -> None:
    """Add tours, customers, bookings of two years and campaigns: all of it, or nothing when interrupted."""
    _check(staff_password)
    day = until.date() if until else local_day(now())
    with database_errors(), _bar() as bar:
        task = bar.add_task("Bookings", total=bookings)
        loaded = demo_service.load(
            bookings, seed, day, staff_password, progress=lambda done: bar.update(task, completed=done)
        )
    click.echo(
        f"Added {loaded.bookings:,} bookings with {loaded.passengers:,} passengers, "
        f"{loaded.customers:,} customers and {loaded.tours:,} tours."
    )


def _check(password: str | None) -> None:
    try:
        if password is not None:
            passwords.check_strength(password, STAFF_DOMAIN)
    except passwords.WeakPassword as error:
        raise Failure(str(error), USAGE) from error


def _bar() -> Any:
    """Return a progress bar on a terminal; disabled in a pipe."""
    from rich.console import Console  # here: every other command would wait for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True)


_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor", cls=OneLineCommand)
@click.option("--before-start", is_flag=True, help="Leave out workers and scheduler, which are to be started later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def doctor(before_start: bool, as_json: bool) -> None:
    """Check every dependency and report problems."""
    log_to_standard_error()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # the finding names the scripts without a font
    found = []
    for finding in examine(running=not before_start):
        found.append(finding)
        if not as_json:
            click.echo(_line(finding))
    if as_json:
        print_json([asdict(finding) for finding in found])
    problems = sum(finding.state == "problem" for finding in found)
    if problems:
        raise Failure(f"{problems} of {len(found)} checks found a problem", CONNECTION_ERRORS)


def _line(finding: Finding) -> str:
    """Format the finding as one line, its state in colour on a terminal."""
    state = click.style(f"{finding.state:<8}", fg=_COLOURS[finding.state] if sys.stdout.isatty() else None)
    remedy = f". {finding.remedy}" if finding.remedy else ""
    return f"{state} {finding.check:<20} {printable(finding.message + remedy)}"
