"""Signing in by bearer token, and what tokens are good for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token

from gnb.extensions import db
from gnb.models import User
from gnb.services.accounts import authentication, tokens
from tests.integration.accounts.conftest import LOGIN, ME, PASSWORD, bearer, token_of
from tests.servers import on_sqlite

pytestmark = on_sqlite


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
            with pytest.raises(authentication.SignInRefused):
                authentication.authenticate(email, "wrong password", kind="token")
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
    authentication.change_password(people["admin"], PASSWORD, "another password 7")
    assert client.get(ME, headers=bearer(token)).status_code == 401
    token_of(client, password="another password 7")


def test_a_token_ends_when_the_account_is_closed(client: FlaskClient, people: dict[str, User]) -> None:
    token = token_of(client)
    people["admin"].active = False
    db.session.commit()
    assert client.get(ME, headers=bearer(token)).status_code == 401


def test_rows_of_ended_tokens_go_when_the_tokens_would_have_expired(app: Flask, people: dict[str, User]) -> None:
    tokens.revoke("old", people["admin"], datetime(2026, 1, 1, tzinfo=UTC))
    tokens.revoke("new", people["admin"], datetime(2026, 1, 3, tzinfo=UTC))
    db.session.commit()
    assert tokens.forget_expired(before=datetime(2026, 1, 2, tzinfo=UTC)) == 1
    assert tokens.is_revoked("new")
