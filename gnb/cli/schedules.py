"""`flask schedules`: recurring jobs."""

from __future__ import annotations

from typing import Any

import click

from gnb.cli.groups import JSON_OBJECT, OneLineGroup
from gnb.cli.output import ago, console, exact, print_json, span, table
from gnb.queueing import ScheduleState
from gnb.services.queues import reading, recurring
from gnb.services.queues.recurring import describe
from gnb.services.queues.schemas import as_json

schedules = OneLineGroup("schedules", help="Recurring jobs.")
name_argument = click.argument("name")
json_option = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")


@schedules.command("list")
@json_option
def list_schedules(json_wanted: bool) -> None:
    """List the schedules with their next and last runs."""
    found = reading.schedules().list()
    if json_wanted:
        print_json([as_json(state) for state in found])
    elif found:
        headings = ("NAME", "TYPE", "WHEN", "NEXT", "LAST", ">FIRED", ">SKIPPED", ">MISSED")
        console().print(table(headings, (_row(state) for state in found)))
    else:
        click.echo("No schedule yet; the scheduler brings those of the code, `flask schedules add` makes others.")


@schedules.command("show")
@name_argument
@json_option
def show(name: str, json_wanted: bool) -> None:
    """Show a schedule with its next five firings and its last runs."""
    state = reading.schedules().get(name)
    if json_wanted:
        print_json(as_json(state, details=True))
        return
    click.echo(f"{state.name}: {state.schedule.type}, {describe(state.schedule, 'en')}")
    for at in state.upcoming:
        click.echo(f"next  {exact(at)}")
    if state.error:
        click.echo(f"error {state.error}")
    rows = [(exact(run.fired_for), run.kind, run.outcome, span(run.duration), run.job_id) for run in state.runs[:10]]
    if rows:
        console().print(table(("FIRED FOR", "BY", "OUTCOME", ">TOOK", "JOB"), rows))


@schedules.command("add")
@name_argument
@click.argument("job_type", metavar="TYPE")
@click.option("--cron", help='Five fields, such as "*/5 * * * *", or @daily.')
@click.option("--tz", default="UTC", show_default=True, help="The time zone that the fields are read in.")
@click.option("--every", help="Whole seconds, or a duration such as 2s or 10m.")
@click.option("--data", type=JSON_OBJECT, default="{}", help="JSON, @FILE, or @- for standard input.")
@click.option("--overlap", is_flag=True, help="Fire although the run before is not done.")
@click.option("--catch-up", type=click.Choice(["once", "skip"]), default="once", show_default=True)
def add(name: str, job_type: str, **values: Any) -> None:
    """Create a schedule NAME for jobs of TYPE."""
    state = recurring.add(name, {**values, "type": job_type})
    click.echo(f"{name}: {describe(state.schedule, 'en')}, next at {exact(state.next_at)}")


@schedules.command("run")
@name_argument
def run(name: str) -> None:
    """Enqueue the schedule's job now."""
    job = recurring.run(name)
    click.echo(job.id)


@schedules.command("pause")
@name_argument
def pause(name: str) -> None:
    """Pause the schedule."""
    recurring.change("pause", name)
    click.echo(f"{name} is paused")


@schedules.command("resume")
@name_argument
def resume(name: str) -> None:
    """Resume the schedule."""
    recurring.change("resume", name)
    click.echo(f"{name} runs again")


@schedules.command("remove")
@name_argument
def remove(name: str) -> None:
    """Remove a schedule that was created by hand."""
    recurring.change("remove", name)
    click.echo(f"{name} is gone")


def _row(state: ScheduleState) -> list[Any]:
    following = "paused" if state.paused else ago(state.next_at)
    last = f"{state.runs[0].outcome} {ago(state.runs[0].fired_for)}" if state.runs else ""
    counts = [state.fired, state.skipped, state.missed]
    return [state.name, state.schedule.type, describe(state.schedule, "en"), following, last, *counts]
