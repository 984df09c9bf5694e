"""`flask demo load`: realistic demo data."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gnb.cli.groups import USAGE, Failure, OneLineGroup, database_errors
from gnb.models import local_day, now
from gnb.services import demo as demo_service
from gnb.services.accounts import passwords
from gnb.services.demo.people import STAFF_DOMAIN

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


def _bar() -> Progress:
    """Return a progress bar on a terminal; disabled in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True)
