"""Signing in, by session and by bearer token, and what happens to those who may not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from werkzeug.test import TestResponse

from gnb import create_app
from gnb.blueprints.access import admin_required, caller, signed_in, staff_required
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import ROLES, AuditEntry, User
from gnb.services import auth_service, passwords, token_service
from tests.servers import Broker, on_sqlite

pytestmark = on_sqlite

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
    for name, guard in {"open": signed_in, "staff": staff_required, "admin": admin_required}.items():
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

    with auth_service.sign_in_attempted.connected_to(listen):
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


# By bearer token


def test_the_right_password_gives_a_token_that_is_good_for_the_api(
    client: FlaskClient, people: dict[str, User]
) -> None:
    answer = client.post(LOGIN, json={"email": " Admin@Example.com", "password": PASSWORD})

    assert answer.json["success"] is True
    assert answer.json["data"]["tokenType"] == "Bearer"
    assert answer.json["data"]["expiresIn"] == 3600
    me = client.get(ME, headers=bearer(answer.json["data"]["accessToken"]))
    assert me.json["data"]["email"] == "admin@example.com"


@pytest.mark.parametrize("email", ["admin@example.com", "nobody@example.com", "closed@example.com", "none@example.com"])
def test_every_refusal_reads_the_same(client: FlaskClient, people: dict[str, User], email: str) -> None:
    db.session.add(User(email="closed@example.com", name="c", password_hash=people["user"].password_hash, active=False))
    db.session.add(User(email="none@example.com", name="n"))
    db.session.commit()
    password = PASSWORD if email == "closed@example.com" else "wrong password"

    answer = client.post(LOGIN, json={"email": email, "password": password})

    assert answer.status_code == 401
    assert answer.json == {
        "success": False,
        "error": {"code": "unauthorized", "message": "E-mail or password is not right.", "details": None},
    }


def test_an_unknown_account_takes_as_long_as_a_wrong_password(app: Flask, people: dict[str, User]) -> None:
    from time import process_time

    def cost(email: str) -> float:
        times = []
        for _ in range(9):
            start = process_time()
            with pytest.raises(auth_service.SignInRefused):
                auth_service.authenticate(email, "wrong password", kind="token")
            times.append(process_time() - start)
        return sorted(times)[4]

    cost("warm@example.com")
    known, unknown = cost("admin@example.com"), cost("nobody@example.com")
    assert 0.5 < unknown / known < 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "email"),
        ({"email": "a@b.example"}, "password"),
        ({"email": 7, "password": "x"}, "email"),
        ({"email": None, "password": "x"}, "email"),
        ({"email": "a\x00b", "password": "x"}, "email"),
        ({"email": "a@b.example", "password": "\ud800"}, "password"),
        ({"email": "a@b.example", "password": ""}, "password"),
        ({"email": "a@b.example", "password": "x" * 201}, "password"),
        ({"email": "a@b.example", "password": "x", "role": "admin"}, "role"),
    ],
)
def test_a_sign_in_that_cannot_be_read_names_the_field(client: FlaskClient, body: Any, field: str) -> None:
    answer = client.post(LOGIN, json=body)
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"a"', b"\xff\xfe", b"null"])
def test_a_sign_in_that_is_no_json_object_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = client.post(LOGIN, data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json["success"] is False


def _expired(app: Flask, user: User) -> str:
    return str(create_access_token(str(user.id), additional_claims={"ver": 1}, expires_delta=timedelta(seconds=-1)))


def _foreign(app: Flask, user: User) -> str:
    claims = {"sub": str(user.id), "ver": 1, "jti": "1", "type": "access", "fresh": False, "exp": 4_000_000_000}
    return jwt.encode(claims, "another key, which is long enough to sign", "HS256")


def _unsigned(app: Flask, user: User) -> str:
    claims = {"sub": str(user.id), "ver": 1, "jti": "1", "type": "access", "fresh": False, "exp": 4_000_000_000}
    return jwt.encode(claims, None, "none")  # type: ignore[arg-type]


def _of_nobody(app: Flask, user: User) -> str:
    return str(create_access_token("999999", additional_claims={"ver": 1}))


def _of_no_number(app: Flask, user: User) -> str:
    return str(create_access_token("²", additional_claims={"ver": 1}))


def _without_version(app: Flask, user: User) -> str:
    return str(create_access_token(str(user.id)))


@pytest.mark.parametrize(
    "make",
    [_expired, _foreign, _unsigned, _of_nobody, _of_no_number, _without_version],
    ids=lambda make: make.__name__.strip("_"),
)
def test_a_token_that_is_not_good_is_refused(
    app: Flask, client: FlaskClient, people: dict[str, User], make: Callable[[Flask, User], str]
) -> None:
    answer = client.get(ME, headers=bearer(make(app, people["admin"])))
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a.b.c", "Bearer a b c", "Basic YTpi", "Bearer ÿ.ÿ.ÿ", "Bearer " + "x" * 4000, ""],
)
def test_an_authorization_header_that_is_none_is_refused(client: FlaskClient, header: str) -> None:
    answer = client.get(ME, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthorized"


def test_a_token_ends_when_it_is_signed_out(client: FlaskClient, people: dict[str, User]) -> None:
    first, second = token_of(client), token_of(client)
    assert client.post("/api/v1/auth/logout", headers=bearer(first)).status_code == 200
    assert client.get(ME, headers=bearer(first)).status_code == 401
    assert client.get(ME, headers=bearer(second)).status_code == 200


def test_a_token_ends_when_the_password_changes(client: FlaskClient, people: dict[str, User]) -> None:
    token = token_of(client)
    auth_service.change_password(people["admin"], PASSWORD, "another password 7")
    assert client.get(ME, headers=bearer(token)).status_code == 401
    token_of(client, password="another password 7")


def test_a_token_ends_when_the_account_is_closed(client: FlaskClient, people: dict[str, User]) -> None:
    token = token_of(client)
    people["admin"].active = False
    db.session.commit()
    assert client.get(ME, headers=bearer(token)).status_code == 401


def test_rows_of_ended_tokens_go_when_the_tokens_would_have_expired(app: Flask, people: dict[str, User]) -> None:
    token_service.revoke("old", people["admin"], datetime(2026, 1, 1, tzinfo=UTC))
    token_service.revoke("new", people["admin"], datetime(2026, 1, 3, tzinfo=UTC))
    db.session.commit()
    assert token_service.forget_expired(before=datetime(2026, 1, 2, tzinfo=UTC)) == 1
    assert token_service.is_revoked("new")


# By session


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
    assert "not right" in answer.text
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
        ({"current": "wrong password"}, "not your current password"),
        ({"again": "something else"}, "not the same"),
        ({"new": "short", "again": "short"}, "10 to 200 characters"),
        ({"new": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "few different characters"),
        ({"new": "admin@example.com", "again": "admin@example.com"}, "may not be the e-mail"),
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
    assert auth_service.authenticate("admin@example.com", PASSWORD, kind="session")


# Roles

ALLOWED = {
    "open": set(ROLES),
    "staff": {"support", "manager", "admin", "superadmin"},
    "admin": {"admin", "superadmin"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_should(guarded: Flask, people: dict[str, User], role: str) -> None:
    by_token, by_session = guarded.test_client(), guarded.test_client()
    headers = bearer(token_of(by_token, f"{role}@example.com"))
    sign_in(by_session, f"{role}@example.com")
    for name, roles in ALLOWED.items():
        expected = 200 if role in roles else 403
        assert by_token.get(f"/api/v1/test/{name}", headers=headers).status_code == expected
        assert by_session.get(f"/api/v1/test/{name}").status_code == expected
        assert by_session.get(f"/test/{name}").status_code == expected


def test_a_visitor_is_refused_by_the_api_and_sent_to_sign_in_by_pages(guarded: Flask) -> None:
    client = guarded.test_client()
    for name in ALLOWED:
        assert client.get(f"/api/v1/test/{name}").status_code == 401
        assert client.get(f"/test/{name}?a=b").location == f"/login?next=/test/{name}?a%3Db"
        part = client.get(
            f"/test/{name}", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/x?y=1"}
        )
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login?next=/admin/x?y%3D1")
    for shown in ("http://[", "//evil.example/x", "javascript:alert(1)", "http://localhost", ""):
        part = client.get("/test/open", headers={"HX-Request": "true", "HX-Current-URL": shown})
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login")


def test_a_role_that_is_taken_away_is_gone_at_once(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    headers = bearer(token_of(client))
    people["admin"].role = "user"
    db.session.commit()
    assert client.get("/api/v1/test/admin", headers=headers).status_code == 403


def test_a_session_needs_the_forms_token_to_change_things_by_the_api(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    sign_in(client)
    assert client.post("/api/v1/test/admin").status_code == 400
    headers = {"X-CSRFToken": csrf_of(client, "/account/password")}
    assert client.post("/api/v1/test/admin", headers=headers).status_code == 200


def test_a_bearer_token_needs_no_other(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    assert client.post("/api/v1/test/admin", headers=bearer(token_of(client))).status_code == 200


def test_a_wrong_token_is_not_made_good_by_a_session(guarded: Flask, people: dict[str, User]) -> None:
    client = guarded.test_client()
    sign_in(client)
    assert client.post("/api/v1/test/admin", headers=bearer("a.b.c")).status_code == 401


# Throttling


def test_an_account_is_closed_to_guesses_after_ten_and_opens_by_itself(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    for _ in range(10):
        assert client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"}).status_code == 401
    for email in ("admin@example.com", "ADMIN@example.com "):
        answer = client.post(LOGIN, json={"email": email, "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert client.post(LOGIN, json={"email": "user@example.com", "password": PASSWORD}).status_code == 200


def test_page_and_api_count_together(client: FlaskClient, people: dict[str, User]) -> None:
    for _ in range(5):
        assert client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"}).status_code == 401
        assert sign_in(client, password="wrong").status_code == 401
    assert sign_in(client).status_code == 429


def test_an_address_is_refused_after_thirty_guesses_at_as_many_accounts(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    for number in range(30):
        answer = client.post(LOGIN, json={"email": f"guess-{number}@example.com", "password": "wrong"})
        assert answer.status_code == 401
    assert client.post(LOGIN, json={"email": "user@example.com", "password": PASSWORD}).status_code == 429
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = client.post(LOGIN, json={"email": "user@example.com", "password": PASSWORD}, environ_base=elsewhere)
    assert answer.status_code == 200


def test_whoever_knows_the_password_is_never_throttled(client: FlaskClient, people: dict[str, User]) -> None:
    for _ in range(15):
        token_of(client)


def test_the_broker_learns_neither_who_signs_in_nor_from_where(
    app: Flask, people: dict[str, User], broker: Broker
) -> None:
    app.test_client().post(LOGIN, json={"email": "admin@example.com", "password": "wrong"})
    with redis.Redis.from_url(broker.url) as connection:
        keys = b" ".join(connection.keys("*"))
    assert keys
    assert b"example" not in keys
    assert b"127.0.0.1" not in keys


def test_a_sign_in_made_to_break_its_reader_is_refused(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    for body in ("[" * 100_000, '{"email": ' + "9" * 5000 + "}"):
        assert client.post(LOGIN, data=body, content_type="application/json").status_code == 400
        form = {"X-CSRFToken": csrf_of(client)}
        assert client.post("/login", data=body, content_type="application/json", headers=form).status_code == 400


def test_guesses_are_counted_without_a_broker(settings: Settings, people: dict[str, User]) -> None:
    app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    with app.app_context():
        client = app.test_client()
        for _ in range(10):
            assert client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"}).status_code == 401
        assert client.post(LOGIN, json={"email": "admin@example.com", "password": PASSWORD}).status_code == 429


# What others build on


def test_every_attempt_is_told_to_whoever_counts(
    client: FlaskClient, people: dict[str, User], attempts: list[tuple[str, bool]]
) -> None:
    token_of(client)
    client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"})
    sign_in(client)
    assert attempts == [("token", True), ("token", False), ("session", True)]


def test_a_mailed_token_sets_a_new_password_once(app: Flask, people: dict[str, User]) -> None:
    token = auth_service.reset_token(people["user"])
    auth_service.reset_password(token, "another password 7")
    assert auth_service.authenticate("user@example.com", "another password 7", kind="session")
    with pytest.raises(auth_service.SignInRefused):
        auth_service.reset_password(token, "a third password 9")


@pytest.mark.parametrize("token", ["", "made up", "a.b.c", "[1,1].x.y"])
def test_a_reset_token_that_is_made_up_is_refused(app: Flask, people: dict[str, User], token: str) -> None:
    assert auth_service.user_of_reset_token(token) is None


def test_two_accounts_cannot_share_an_address(app: Flask, people: dict[str, User]) -> None:
    with pytest.raises(auth_service.EmailTaken):
        auth_service.register("User@example.com", "x", "a good password 1", "en")
    assert auth_service.register("new@example.com", "Yeni", "a good password 1", "tr").role == "user"


def test_no_password_and_no_address_is_logged(
    client: FlaskClient, people: dict[str, User], caplog: pytest.LogCaptureFixture
) -> None:
    client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong password"})
    sign_in(client)
    assert "/login" in caplog.text
    assert "example.com" not in caplog.text
    assert PASSWORD not in caplog.text


def test_a_hash_of_older_figures_is_renewed_at_the_next_sign_in(client: FlaskClient, people: dict[str, User]) -> None:
    from argon2 import PasswordHasher

    people["admin"].password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    db.session.commit()
    token_of(client)
    db.session.refresh(people["admin"])
    assert not passwords.is_outdated(people["admin"].password_hash or "")
