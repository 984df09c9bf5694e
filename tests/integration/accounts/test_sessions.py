"""Signing in by session: where it leads, how it ends, and changing the password."""

import time

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.blueprints.auth.pages import ABSOLUTE_LIFETIME
from gnb.extensions import db
from gnb.models import AuditEntry, RevokedToken, User
from gnb.services.accounts import authentication
from tests.integration.accounts.conftest import ME, PASSWORD, bearer, csrf_of, sign_in, token_of
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_staff_arrive_at_the_overview_and_customers_at_their_bookings(app: Flask, people: dict[str, User]) -> None:
    assert sign_in(app.test_client()).location == "/admin/"
    assert sign_in(app.test_client(), "user@example.com").location == "/my/bookings"


def test_after_signing_in_one_is_where_one_wanted_to_be(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    sent = client.get("/account/password?from=mail")
    assert sent.status_code == 303
    assert sent.location == "/login?next=/account/password?from%3Dmail"
    form = client.get(sent.location).text
    assert 'value="/account/password?from=mail"' in form
    assert sign_in(client, next="/account/password?from=mail").location == "/account/password?from=mail"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\t/[",
        "/\n/evil.example",
        "javascript:alert(1)",
        " //evil.example",
    ],
)
def test_nobody_is_sent_to_another_site(app: Flask, people: dict[str, User], target: str) -> None:
    client = app.test_client()
    assert sign_in(client, next=target).location == "/admin/"
    assert client.get("/login", query_string={"next": target}).location == "/admin/"


def test_a_wrong_password_shows_the_form_again(client: FlaskClient, people: dict[str, User]) -> None:
    answer = sign_in(client, password="wrong password")
    assert answer.status_code == 401
    assert "Incorrect email or password." in answer.text
    assert "wrong password" not in answer.text


def test_an_empty_form_names_what_is_missing(client: FlaskClient) -> None:
    answer = sign_in(client, email="", password="")
    assert answer.status_code == 422
    assert "Enter your password." in answer.text


def test_a_form_without_its_token_is_refused(client: FlaskClient, people: dict[str, User]) -> None:
    answer = client.post("/login", data={"email": "admin@example.com", "password": PASSWORD})
    assert answer.status_code == 400


def test_signing_out_ends_the_session_for_copies_of_its_cookie_too(app: Flask, people: dict[str, User]) -> None:
    client, thief = app.test_client(), app.test_client()
    sign_in(client)
    cookie = client.get_cookie("gnb_session")
    assert cookie
    token = csrf_of(client, "/account/password")
    assert client.post("/logout", data={"csrf_token": token}).location == "/login"
    thief.set_cookie("gnb_session", cookie.value)
    assert thief.get(ME).status_code == 401


def test_signing_out_with_a_token_ends_no_session(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    form = {"csrf_token": csrf_of(client)}
    assert client.post("/logout", data=form, headers=bearer(token_of(app.test_client()))).location == "/login"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer a.b.c", 'Digest username="a', "\xff"])
def test_pages_go_by_their_session_whatever_a_proxy_sends_along(
    app: Flask, people: dict[str, User], header: str
) -> None:
    client = app.test_client()
    assert client.get("/", headers={"Authorization": header}).status_code == 200
    sign_in(client)
    assert client.get("/account/password", headers={"Authorization": header}).status_code == 200
    assert client.get(ME, headers={"Authorization": header}).status_code == 401


def test_signing_in_leaves_nothing_of_the_session_before(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    sign_in(client)
    with client.session_transaction() as session:
        assert "planted" not in session


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(app: Flask, people: dict[str, User]) -> None:
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    form = {"current": PASSWORD, "new": "another password 7", "again": "another password 7"}
    answer = here.post("/account/password", data={**form, "csrf_token": csrf_of(here, "/account/password")})
    assert answer.status_code == 303
    assert here.get(ME).status_code == 200
    assert there.get(ME).status_code == 401
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.target, entry.address) == (
        "user.change-password",
        f"user/{people['admin'].id}",
        "127.0.0.1",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"current": "wrong password"}, "Incorrect current password."),
        ({"again": "something else"}, "do not match"),
        ({"new": "short", "again": "short"}, "10 to 200 characters"),
        ({"new": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "few different characters"),
        ({"new": "admin@example.com", "again": "admin@example.com"}, "must not be the email address"),
    ],
)
def test_a_password_is_not_changed_for_a_bad_one(
    app: Flask, people: dict[str, User], changes: dict[str, str], message: str
) -> None:
    client = app.test_client()
    sign_in(client)
    form = {"current": PASSWORD, "new": "another password 7", "again": "another password 7", **changes}
    answer = client.post("/account/password", data={**form, "csrf_token": csrf_of(client, "/account/password")})
    assert answer.status_code == 422
    assert message in answer.text
    assert authentication.authenticate("admin@example.com", PASSWORD, kind="session")


def test_a_signed_out_session_is_not_renewed_by_any_page(app: Flask, people: dict[str, User]) -> None:
    client, thief = app.test_client(), app.test_client()
    sign_in(client)
    cookie = client.get_cookie("gnb_session")
    assert cookie
    client.post("/logout", data={"csrf_token": csrf_of(client, "/account/password")})
    thief.set_cookie("gnb_session", cookie.value)
    thief.get("/login")
    with thief.session_transaction() as session:
        assert "sid" not in session
        assert "_user_id" not in session


def test_revocation_lasts_as_long_as_the_session_could_have(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    sign_in(client)
    with client.session_transaction() as session:
        sid, started = session["sid"], session["started_at"]
    client.post("/logout", data={"csrf_token": csrf_of(client, "/account/password")})
    revoked = db.session.get(RevokedToken, sid)
    assert revoked
    assert revoked.expires_at.timestamp() == started + ABSOLUTE_LIFETIME.total_seconds()


@pytest.mark.parametrize("started_at", [None, 1])
def test_a_session_ends_at_its_absolute_lifetime(app: Flask, people: dict[str, User], started_at: int | None) -> None:
    client = app.test_client()
    sign_in(client)
    assert client.get(ME).status_code == 200
    with client.session_transaction() as session:
        session.pop("started_at")
        if started_at is not None:
            session["started_at"] = int(time.time() - ABSOLUTE_LIFETIME.total_seconds()) - started_at
    assert client.get(ME).status_code == 401
