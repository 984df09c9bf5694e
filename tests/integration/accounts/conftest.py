"""An account of every role, and its ways to sign in."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.blueprints.access import admin_required, caller, signed_in
from gnb.extensions import db
from gnb.models import ROLES, User
from gnb.services.accounts import authentication, passwords

PASSWORD = "correct horse 42"
LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    """An account of every role, all with one password."""
    known_hash = passwords.hash_password(PASSWORD)
    users = {role: User(email=f"{role}@example.com", name=role, role=role, password_hash=known_hash) for role in ROLES}
    db.session.add_all(users.values())
    db.session.commit()
    return users


@pytest.fixture
def guarded(app: Flask) -> Flask:
    """The application with one view for each guard, as an API endpoint and as a page."""
    for name, guard in {"open": signed_in, "admin": admin_required}.items():
        for prefix in ("/api/v1/test", "/test"):
            view = guard(lambda: {"role": getattr(caller(), "role", None)})
            app.add_url_rule(f"{prefix}/{name}", f"{prefix}-{name}", view, methods=["GET", "POST"])
    return app


@pytest.fixture
def attempts(app: Flask) -> Iterator[list[tuple[str, bool]]]:
    """What a counter of sign-ins is told."""
    heard: list[tuple[str, bool]] = []

    def listen(_sender: Any, kind: str, success: bool) -> None:
        heard.append((kind, success))

    with authentication.sign_in_attempted.connected_to(listen):
        yield heard


def token_of(client: FlaskClient, email: str = "admin@example.com", password: str = PASSWORD) -> str:
    answer = client.post(LOGIN, json={"email": email, "password": password})
    assert answer.status_code == 200, answer.json
    return str(answer.json["data"]["accessToken"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def csrf_of(client: FlaskClient, path: str = "/login") -> str:
    page = client.get(path).text
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


def sign_in(
    client: FlaskClient, email: str = "admin@example.com", password: str = PASSWORD, **more: str
) -> TestResponse:
    form = {"email": email, "password": password, "csrf_token": csrf_of(client), **more}
    return client.post("/login", data=form)
