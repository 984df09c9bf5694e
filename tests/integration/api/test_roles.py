"""Who may do what: every route of the application is asked by everyone."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from gnb.extensions import db
from gnb.models import ADMIN_ROLES, ROLES, STAFF_ROLES, TRANSFER_ROLES, User
from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite

READING = {"GET", "HEAD", "OPTIONS"}
TRANSFERS = {("GET", "/admin/transfers"), ("POST", "/admin/transfers/nothing/nothing")}
"""What drivers may use: their own transfers. Staff may record those of all."""
STAFF_CHANGES = {("POST", "/admin/bookings/1/transfer")}
ADMIN_PATHS = ("/api/v1/admin", "/admin")
EXPORTS = "/api/v1/admin/exports"  # files full of customers' names: for admins alone


def admin_routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every admin route, its variables filled in."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(ADMIN_PATHS):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, path_of(rule)


def path_of(rule: Rule) -> str:
    """An address of the route, of nothing that exists; of several words that it may have, the first."""
    values = {"int": "1", "any": r"\2"}
    return re.sub(
        r"<(?:(\w+)(?:\((\w+)?[^>]*\))?:)?\w+>",
        lambda found: found.expand(values.get(found[1] or "", "nothing")),
        rule.rule,
    )


def test_there_are_admin_routes(app: Flask) -> None:
    routes = list(admin_routes(app))
    assert ("POST", f"{JOBS}/nothing/pause") in routes
    assert len(routes) > 40


@pytest.mark.parametrize("role", [None, "user", "driver"])
def test_no_admin_endpoint_answers_those_who_are_no_staff(
    app: Flask, calling_as: Callable[[str | None], Caller], role: str | None
) -> None:
    caller = calling_as(role)
    expected = 403 if role else 401
    for method, path in admin_routes(app):
        if path.startswith("/api/"):
            answer = caller(method, path)
            assert answer.status_code == expected, (method, path)
            assert answer.json["success"] is False


@pytest.mark.parametrize("role", ["manager", "support"])
def test_staff_may_read_every_admin_endpoint_and_change_none(
    app: Flask, calling_as: Callable[[str | None], Caller], role: str
) -> None:
    caller = calling_as(role)
    for method, path in admin_routes(app):
        if path.startswith("/api/"):
            status = caller(method, path).status_code
            may = method in READING and not path.startswith(EXPORTS)
            assert (status not in (401, 403)) if may else (status == 403), (method, path, status)


@pytest.mark.parametrize("role", sorted(ADMIN_ROLES))
def test_admins_are_refused_nowhere(app: Flask, calling_as: Callable[[str | None], Caller], role: str) -> None:
    caller = calling_as(role)
    for method, path in admin_routes(app):
        if path.startswith("/api/"):
            status = caller(method, path).status_code
            assert status not in (401, 403) and status < 500, (method, path, status)


@pytest.mark.parametrize("role", [None, *ROLES])
def test_admin_pages_let_in_whom_they_should(app: Flask, accounts: dict[str, User], role: str | None) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = signed_in(app, accounts.get(role or ""))
    for method, path in admin_routes(app):
        if path.startswith("/admin"):
            status = client.open(path, method=method).status_code
            allowed = role in (STAFF_ROLES if method in READING else ADMIN_ROLES)
            allowed |= (method, path) in TRANSFERS and role in TRANSFER_ROLES
            allowed |= (method, path) in STAFF_CHANGES and role in STAFF_ROLES
            if role is None:
                assert status in (303, 401), (method, path, status)
            elif not allowed:
                assert status == 403, (method, path, status)
            else:
                assert status not in (401, 500) and (status != 403 or role != "driver"), (method, path, status)


# By session


def test_an_admin_page_may_call_the_api_with_its_session(app: Flask, accounts: dict[str, User]) -> None:
    client = signed_in(app, accounts["admin"])
    assert client.get(f"{JOBS}/stats").status_code == 200


def test_a_session_changes_nothing_without_its_form_token(app: Flask, accounts: dict[str, User]) -> None:
    client = signed_in(app, accounts["admin"])
    answer = client.post(f"{JOBS}/email/pause")
    assert answer.status_code == 400
    assert answer.json["success"] is False


def test_a_session_changes_things_with_its_form_token(app: Flask, accounts: dict[str, User]) -> None:
    client = signed_in(app, accounts["admin"])
    page = client.get("/admin/jobs").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    assert client.post(f"{JOBS}/email/pause", headers={"X-CSRFToken": token}).status_code == 200


def test_a_demoted_admin_is_refused_from_the_next_request_on(
    app: Flask, accounts: dict[str, User], admin: Caller
) -> None:
    assert admin("POST", f"{JOBS}/email/pause").status_code == 200
    accounts["admin"].role = "user"
    db.session.commit()
    assert admin("POST", f"{JOBS}/email/resume").status_code == 403


def signed_in(app: Flask, user: User | None) -> FlaskClient:
    """A client with a session of this account."""
    client = app.test_client()
    if user:
        sign_in(client, user)
    return client
