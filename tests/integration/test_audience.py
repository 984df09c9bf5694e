"""Every route of the application says who may call it, and no form is read without the token of its session."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest
from flask import Flask, session
from flask_wtf.csrf import generate_csrf
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from gnb.models import ADMIN_ROLES, ROLES, STAFF_ROLES, TRANSFER_ROLES, User
from gnb.services.accounts import tokens
from tests.integration.api.conftest import accounts
from tests.integration.api.test_roles import ADMIN_PATHS, READING, path_of, signed_in
from tests.servers import on_sqlite

pytestmark = on_sqlite
assert accounts

EVERYONE = frozenset({None, *ROLES})
ACCOUNTS = frozenset(ROLES)
STAFF, ADMINS = STAFF_ROLES, ADMIN_ROLES

# Those under /admin and /api/v1/admin are for staff to read and for admins to change: see test_roles.py.
AUDIENCE: dict[str, frozenset[str | None] | frozenset[str]] = {
    "static": EVERYONE,
    "preferences.save": EVERYONE,
    "home.page": EVERYONE,
    "tours.results": EVERYONE,
    "tours.tour": EVERYONE,
    "book.form": EVERYONE,
    "book.change": EVERYONE,
    "book.create": EVERYONE,
    "book.find": EVERYONE,
    "sitemap.sitemap": EVERYONE,
    "sitemap.part": EVERYONE,
    "unsubscribe.unsubscribe": EVERYONE,  # by the signed link of a mail
    "unsubscribe.no_more": EVERYONE,
    "unsubscribe.again": EVERYONE,
    "auth.login": EVERYONE,
    "auth.logout": EVERYONE,
    "registration.register": EVERYONE,
    "registration.open_account": EVERYONE,
    "registration.forgot_password": EVERYONE,
    "registration.reset_password": EVERYONE,
    "auth-api.login": EVERYONE,
    "tours-api.list_tours": EVERYONE,
    "tours-api.get_tour": EVERYONE,
    "public-bookings-api.make_booking": EVERYONE,
    "api-docs.openapi_json": EVERYONE,
    "docs.page": EVERYONE,
    "ops.healthz": EVERYONE,
    "ops.readyz": EVERYONE,
    "ops.metrics": EVERYONE,  # or whoever has METRICS_TOKEN: see ops/test_metrics.py
    "bookings.page": ACCOUNTS,  # or whoever has the link: see site/test_bookings.py
    "bookings.calendar": ACCOUNTS,
    "bookings.ask": ACCOUNTS,
    "bookings.cancel": ACCOUNTS,
    "my.bookings": ACCOUNTS,
    "my.settings": ACCOUNTS,
    "auth.password": ACCOUNTS,
    "auth-api.me": ACCOUNTS,
    "auth-api.logout": ACCOUNTS,
    "insights-api.recommend": ACCOUNTS,
    "insights-api.delay_risk": ACCOUNTS,
    "insights-api.recommendations_job": ACCOUNTS,
    "insights-api.delay_risk_job": ACCOUNTS,
    "bookings-api.list_bookings": STAFF,
    "bookings-api.get_booking": STAFF,
    "bookings-api.change_status": ADMINS,
    "transfers-api.record_transfer": TRANSFER_ROLES,  # a driver for own transfers alone: see bookings/test_transfers.py
}
TOKENLESS = {"unsubscribe.no_more", "auth-api.login"}  # a mail program's click, and what has no session to protect


def other_rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule that is no admin's, with each of its methods."""
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(ADMIN_PATHS):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


def test_the_audience_of_every_route_is_written_down(app: Flask) -> None:
    assert {rule.endpoint for rule, _ in other_rules(app)} == set(AUDIENCE)


@pytest.mark.parametrize("role", [None, *ROLES])
def test_each_route_lets_in_its_audience_alone(app: Flask, accounts: dict[str, User], role: str | None) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    for rule, method in other_rules(app):
        if rule.endpoint != "auth.logout":  # leads everyone to sign in
            answer = call(app, accounts.get(role or ""), method, path_of(rule))
            assert answer.status_code < 500, (method, rule.rule)
            assert let_in(answer) == (role in AUDIENCE[rule.endpoint]), (method, rule.rule, answer.status_code)


def call(app: Flask, user: User | None, method: str, path: str) -> TestResponse:
    """The answer to a page's visitor with a session, or to a program with a token."""
    if path.startswith("/api/") and user:
        headers = {"Authorization": f"Bearer {tokens.issue(user)}"}
        return app.test_client().open(path, method=method, headers=headers)
    return signed_in(app, user).open(path, method=method)


def let_in(answer: TestResponse) -> bool:
    return answer.status_code not in (401, 403) and not (answer.location or "").startswith("/login")


@pytest.fixture
def reached(app: Flask) -> list[str]:
    """The endpoints whose views were called from now on; they do nothing."""
    called: list[str] = []

    def silenced(endpoint: str, view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def note(**_: Any) -> str:
            called.append(endpoint)
            return ""

        return note

    app.view_functions.update({name: silenced(name, view) for name, view in app.view_functions.items()})
    return called


def changing(app: Flask) -> Iterator[tuple[str, str, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - READING):
            yield rule.endpoint, method, path_of(rule)


def test_a_session_changes_nothing_without_its_token(app: Flask, accounts: dict[str, User], reached: list[str]) -> None:
    client = signed_in(app, accounts["superadmin"])
    for _, method, path in changing(app):
        client.open(path, method=method)
    assert set(reached) == TOKENLESS
    with app.test_request_context():
        token, kept_token = generate_csrf(), session["csrf_token"]
    with client.session_transaction() as kept:
        kept["csrf_token"] = kept_token
    for _, method, path in changing(app):
        client.open(path, method=method, headers={"X-CSRFToken": token})
    assert set(reached) == {endpoint for endpoint, _, _ in changing(app)}
