"""`flask users`: administrators, roles, tokens for scripts, and customers' personal data."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import click
from flask import current_app

from gnb.cli.groups import DURATION, USAGE, Failure, OneLineGroup, database_errors
from gnb.extensions import db
from gnb.models import ROLES, now
from gnb.services import audit
from gnb.services.accounts import personal_data, tokens
from gnb.services.accounts import users as accounts
from gnb.services.accounts.users import InvalidAccount, UserExists, UserNotFound

users = OneLineGroup("users", help="Accounts: administrators, roles, tokens, personal data.")


@users.command("create-admin")
@click.argument("email")
@click.option("--name", default="Administrator", show_default=True)
@click.option("--role", type=click.Choice(["admin", "superadmin"]), default="admin", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--ask", is_flag=True, help="Ask for the password. Without either, one is generated and printed.")
def create_admin(email: str, name: str, role: str, password_stdin: bool, ask: bool) -> None:
    """Create an administrator's account."""
    if password_stdin and ask:
        raise click.UsageError("--password-stdin and --ask exclude each other")
    password = accounts.new_password()
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif ask:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    with database_errors():
        try:
            user = accounts.create_admin(email, name, password, role)
        except InvalidAccount as error:
            raise Failure(str(error), USAGE) from error
        except UserExists as error:
            raise Failure(str(error)) from error
    click.echo(f"E-mail: {user.email}")
    if not (password_stdin or ask):
        click.echo(f"Password: {password}")


@users.command("set-role")
@click.argument("email")
@click.argument("role", type=click.Choice(ROLES))
def set_role(email: str, role: str) -> None:
    """Assign another role to an account, effective from its next request."""
    with database_errors():
        try:
            user = accounts.set_role(email, role)
        except (UserNotFound, InvalidAccount) as error:
            raise Failure(str(error)) from error
    click.echo(f"{user.email} is {user.role} now")


@users.command("token")
@click.argument("email")
@click.option("--expires", type=DURATION, help="How long it is valid, such as 30m, 12h or 30d. [default: 1h]")
@click.option("--json", "as_json", is_flag=True, help="Print the token and its end as JSON.")
def token(email: str, expires: timedelta | None, as_json: bool) -> None:
    """Print a bearer token of an account, for scripts."""
    lifetime: timedelta = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"] if expires is None else expires
    with database_errors():
        try:
            user = accounts.find(email)
            made = tokens.issue(user, lifetime, audit.COMMAND_LINE)
        except UserNotFound as error:
            raise Failure(str(error)) from error
        except ValueError as error:
            raise Failure(str(error), USAGE) from error
        if not user.active:
            raise Failure(f"the account {user.email} is closed")
        audit.record(None, "user.token", f"user/{user.id}", details={"seconds": lifetime.total_seconds()})
        db.session.commit()
    if as_json:
        end = (now() + lifetime).isoformat(timespec="seconds")
        click.echo(json.dumps({"accessToken": made, "tokenType": "Bearer", "expiresAt": end}))
    else:
        click.echo(made)


@users.command("export")
@click.argument("email")
def export(email: str) -> None:
    """Print all that is stored about a customer, an account's or a guest's, as JSON."""
    with database_errors():
        try:
            content = personal_data.export(email)
        except UserNotFound as error:
            raise Failure(str(error)) from error
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


@users.command("erase")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do it: an erased account cannot be restored.")
def erase(email: str, yes: bool) -> None:
    """Delete a customer's account and the personal data of the bookings; their amounts stay."""
    if not yes:
        raise click.UsageError("erasing cannot be undone; say --yes")
    with database_errors():
        try:
            count = personal_data.erase(email)
        except (UserNotFound, InvalidAccount) as error:
            raise Failure(str(error)) from error
    click.echo(f"{email} is erased; {count:,} bookings are anonymised")
