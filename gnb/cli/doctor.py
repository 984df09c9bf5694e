"""`flask doctor`: checks every dependency. Exit status: 0 without problems, 3 with one."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from gnb.cli.groups import CONNECTION_ERRORS, Failure, OneLineCommand, log_to_standard_error
from gnb.cli.output import print_json, printable
from gnb.services.doctor import Finding, examine

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor", cls=OneLineCommand)
@click.option("--before-start", is_flag=True, help="Leave out workers and scheduler, which are to be started later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def doctor(before_start: bool, as_json: bool) -> None:
    """Check every dependency and report problems."""
    log_to_standard_error()
    logging.getLogger("alembic").setLevel(logging.WARNING)
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
