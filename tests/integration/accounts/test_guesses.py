"""Guesses at passwords: counted, told to whoever counts, and written down nowhere."""

import io
from dataclasses import replace

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from gnb import create_app
from gnb.config import Settings
from gnb.models import User
from gnb.services.accounts import authentication
from tests.integration.accounts.conftest import LOGIN, PASSWORD, csrf_of, sign_in, token_of
from tests.servers import Broker, on_sqlite

pytestmark = on_sqlite


def test_an_account_is_closed_to_guesses_after_ten_and_opens_by_itself(app: Flask, people: dict[str, User]) -> None:
    client = app.test_client()
    for _ in range(10):
        answer = client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"})
        assert (answer.status_code, "Retry-After" in answer.headers) == (401, False)
    for email in ("admin@example.com", "ADMIN@example.com "):
        answer = client.post(LOGIN, json={"email": email, "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 301  # Flask-Limiter rounds up
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
    for body in ("[" * 60_000, '{"email": ' + "9" * 5000 + "}"):
        assert client.post(LOGIN, data=body, content_type="application/json").status_code == 400
        form = {"X-CSRFToken": csrf_of(client)}
        assert client.post("/login", data=body, content_type="application/json", headers=form).status_code == 422


def test_guesses_are_counted_without_a_broker(settings: Settings, people: dict[str, User]) -> None:
    app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    with app.app_context():
        client = app.test_client()
        for _ in range(10):
            assert client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"}).status_code == 401
        assert client.post(LOGIN, json={"email": "admin@example.com", "password": PASSWORD}).status_code == 429


def test_every_attempt_is_told_to_whoever_counts(
    client: FlaskClient, people: dict[str, User], attempts: list[tuple[str, bool]]
) -> None:
    token_of(client)
    client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"})
    sign_in(client)
    assert attempts == [("token", True), ("token", False), ("session", True)]


def test_two_accounts_cannot_share_an_address(app: Flask, people: dict[str, User]) -> None:
    with pytest.raises(authentication.EmailTaken):
        authentication.register("User@example.com", "x", "a good password 1", "en")
    assert authentication.register("new@example.com", "Yeni", "a good password 1", "tr").role == "user"


def test_no_password_and_no_address_is_logged(
    client: FlaskClient, people: dict[str, User], caplog: pytest.LogCaptureFixture
) -> None:
    client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong password"})
    sign_in(client)
    assert "/login" in caplog.text
    assert "example.com" not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("page", ["/login", "/forgot-password"])
def test_a_page_reads_no_json(app: Flask, people: dict[str, User], page: str) -> None:
    client = app.test_client()
    headers = {"X-CSRFToken": csrf_of(client, page)}
    body = {"email": ["admin@example.com"], "password": [PASSWORD]}
    for sent in (body, [1], "text", None):
        assert client.post(page, json=sent, headers=headers).status_code == 422
    files = {"email": (io.BytesIO(b"admin@example.com"), "email.txt")}
    assert client.post(page, data=files, headers=headers).status_code == 422


@pytest.mark.parametrize("spelling", ["admin@ｅｘａｍｐｌｅ.com", "admin@example。com", "Admin@EXAMPLE.com"])
def test_every_spelling_of_an_address_counts_against_the_same_account(
    app: Flask, people: dict[str, User], spelling: str
) -> None:
    client = app.test_client()
    for _ in range(10):
        assert client.post(LOGIN, json={"email": spelling, "password": "wrong"}).status_code == 401
    assert client.post(LOGIN, json={"email": "admin@example.com", "password": "wrong"}).status_code == 429
