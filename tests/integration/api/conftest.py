"""The API with an account of every role, and workers that run what is enqueued."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.extensions import db, engine
from gnb.models import ROLES, User
from gnb.services.accounts import tokens
from tests.integration.api import probe
from tests.integration.engine.conftest import Workers
from tests.sessions import sign_in

assert probe

JOBS = "/api/v1/admin/jobs"


class Caller:
    """Calls the API as one account with a bearer token, and opens pages as a browser in which it has signed in."""

    def __init__(self, client: FlaskClient, token: str | None):
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        """The data of an answer that must be a success."""
        answer = self("GET", f"{JOBS}{path}", **options)
        assert answer.status_code == 200, answer.text
        return answer.json["data"]

    def post(self, path: str, json: Any = None) -> Any:
        """The data of an answer that must be a success."""
        answer = self("POST", f"{JOBS}{path}", json=json)
        assert answer.status_code in (200, 201), answer.text
        return answer.json["data"]


@pytest.fixture
def accounts(app: Flask) -> dict[str, User]:
    """An account of every role."""
    people = {role: User(email=f"{role}@example.com", name=role.title(), role=role) for role in ROLES}
    db.session.add_all(people.values())
    db.session.commit()
    return people


@pytest.fixture
def calling_as(app: Flask, accounts: dict[str, User]) -> Callable[[str | None], Caller]:
    """Gives a caller of a role; None: a stranger."""
    by_role = {role: tokens.issue(user) for role, user in accounts.items()}

    def caller_of(role: str | None) -> Caller:
        client = app.test_client()
        if role:
            sign_in(client, accounts[role])
        return Caller(client, by_role[role] if role else None)

    return caller_of


@pytest.fixture
def admin(calling_as: Callable[[str], Caller]) -> Caller:
    return calling_as("admin")


@pytest.fixture
def run_jobs(app: Flask) -> Iterator[Callable[..., Workers]]:
    """Starts workers of the email queue; in a burst unless said, and then done when it returns."""
    started: list[Workers] = []

    def run(burst: bool = True) -> Workers:
        db.session.remove()
        db.engine.dispose()
        workers = Workers(engine(), burst=burst)
        started.append(workers)
        if burst:
            assert workers.wait() == 0
        return workers

    yield run
    for workers in started:
        if workers.pid:
            workers.kill()


@pytest.fixture
def failed(admin: Caller, run_jobs: Callable[..., Workers]) -> list[str]:
    """The ids of three failed jobs, the newest first."""
    ids = [admin.post("/email", {"type": "probe", "data": {"ending": "bad", "number": n}})["id"] for n in range(3)]
    run_jobs()
    return ids[::-1]
