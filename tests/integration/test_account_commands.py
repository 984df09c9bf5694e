"""`flask users` and `flask demo`: what they print, and how they end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from gnb import create_app
from gnb.config import Settings
from gnb.models import AuditEntry, Booking, User, db
from gnb.services.accounts import authentication
from tests.servers import on_sqlite

pytestmark = on_sqlite


def run(app: Flask, *arguments: str, stdin: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments), input=stdin)


def test_the_first_admin_is_made_with_a_password_that_is_shown(app: Flask) -> None:
    done = run(app, "users", "create-admin", "Boss@gnb-transfer.com")
    assert done.exit_code == 0
    email, password = (line.split(": ")[1] for line in done.stdout.splitlines())
    user = authentication.authenticate(email, password, kind="session")
    assert (user.email, user.role) == ("boss@gnb-transfer.com", "admin")
    assert [entry.action for entry in db.session.scalars(sa.select(AuditEntry))] == ["user.create"]


def test_a_password_comes_by_standard_input_and_is_not_shown(app: Flask) -> None:
    done = run(app, "users", "create-admin", "boss@x.example", "--password-stdin", stdin="a good password 1\n")
    assert (done.exit_code, done.stdout) == (0, "E-mail: boss@x.example\n")
    assert authentication.authenticate("boss@x.example", "a good password 1", kind="session")


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "message"),
    [
        (["create-admin", "nobody"], None, 2, "@-sign"),
        (["create-admin", "a@b.example", "--password-stdin"], "short\n", 2, "10 to 200 characters"),
        (["create-admin", "a@b.example", "--password-stdin", "--ask"], None, 2, "exclude each other"),
        (["create-admin", "there@x.example"], None, 1, "already"),
        (["set-role", "nobody@x.example", "admin"], None, 1, "no account has the address"),
        (["set-role", "there@x.example", "emperor"], None, 2, "emperor"),
        (["token", "nobody@x.example"], None, 1, "no account has the address"),
        (["token", "there@x.example", "--expires", "soon"], None, 2, "--expires is 'soon'; give seconds"),
        (["token", "there@x.example", "--expires", "0s"], None, 2, "from 1 second"),
        (["token", "there@x.example", "--expires", "400d"], None, 2, "366 days"),
        (["token", "there@x.example", "--expires", "9" * 400 + "d"], None, 2, "ten years"),
        (["token"], None, 2, "Missing argument"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    app: Flask, arguments: list[str], stdin: str | None, status: int, message: str
) -> None:
    db.session.add(User(email="there@x.example", name="There"))
    db.session.commit()
    done = run(app, "users", *arguments, stdin=stdin)
    assert done.exit_code == status
    assert message in done.stderr
    assert done.stdout == ""


def test_a_role_is_set_and_written_down(app: Flask) -> None:
    db.session.add(User(email="there@x.example", name="There"))
    db.session.commit()
    done = run(app, "users", "set-role", "There@x.example", "manager")
    assert (done.exit_code, done.stdout) == (0, "there@x.example is manager now\n")
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.actor_label, entry.details) == ("command line", {"from": "user", "to": "manager"})


def test_a_token_from_the_command_line_is_good_for_the_api(app: Flask) -> None:
    db.session.add(User(email="there@x.example", name="There", role="support"))
    db.session.commit()
    plain = run(app, "users", "token", "there@x.example").stdout.strip()
    made = json.loads(run(app, "users", "token", "there@x.example", "--expires", "30d", "--json").stdout)
    for token in (plain, made["accessToken"]):
        answer = app.test_client().get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.json["data"]["role"] == "support"


def test_a_database_that_is_away_is_said_in_one_line(settings: Settings) -> None:
    away = create_app(replace(settings, database_url="postgresql+psycopg://x@127.0.0.1:1/x"))
    for arguments in (["users", "token", "a@b.example"], ["demo", "load"]):
        done = run(away, *arguments)
        assert done.exit_code == 3
        assert len(done.stderr.splitlines()) == 1
        assert "database" in done.stderr


def test_a_database_without_tables_is_said_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    empty = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.db'}"))
    done = run(empty, "users", "token", "a@b.example")
    assert done.exit_code == 3
    assert "flask db upgrade" in done.stderr


def test_demo_data_is_loaded_without_a_bar_in_a_pipe(app: Flask) -> None:
    done = run(app, "demo", "load", "--bookings", "40", "--until", "2026-11-24", "--staff-password", "a password 123")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.startswith("Added 40 bookings with ")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Booking)) == 40


@pytest.mark.parametrize(
    "arguments",
    [["--bookings", "0"], ["--bookings", "many"], ["--until", "yesterday"], ["--staff-password", "short"]],
)
def test_demo_data_of_no_sense_is_wrong_usage(app: Flask, arguments: list[str]) -> None:
    assert run(app, "demo", "load", *arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["users", "create-admin"],
        ["users", "set-role", "a@b.example", "king"],
        ["users", "token", "--expires"],
        ["users", "nothing"],
        ["demo", "load", "--nothing"],
        ["doctor", "--nothing"],
        ["doctor", "too", "much"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_with_status_2(app: Flask, arguments: list[str]) -> None:
    done = run(app, *arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("Error: ")
