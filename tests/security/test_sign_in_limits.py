"""Guesses at passwords are limited, and nobody is locked out of an account by the guesses of others."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from limits import parse

from gnb.blueprints.shared import rate_limits
from gnb.blueprints.shared.extensions import limiter
from gnb.models import User
from tests.security.conftest import PASSWORD, SITE, Attacker, form_token, sign_in
from tests.servers import Broker, on_sqlite

pytestmark = on_sqlite
LOGIN = "/api/v1/auth/login"
RIGHT = {"email": "admin@example.com", "password": PASSWORD}
WRONG = {"email": "admin@example.com", "password": "wrong"}


def at(app: Flask, source: str) -> Attacker:
    client = app.test_client()
    assert isinstance(client, Attacker)
    return client.at(source)


def sign_out(client: FlaskClient) -> None:
    data = {"csrf_token": form_token(client, "/account/password")}
    assert client.post("/logout", data=data, headers={"Referer": f"{SITE}/"}).status_code == 303


def test_a_stranger_who_guesses_locks_nobody_else_out(app: Flask, people: dict[str, User]) -> None:
    stranger = at(app, "203.0.113.66")
    for _ in range(40):
        stranger.post(LOGIN, json=WRONG)
    assert stranger.post(LOGIN, json=RIGHT).status_code == 429
    assert at(app, "198.51.100.7").post(LOGIN, json=RIGHT).status_code == 200


def test_many_sources_together_lock_an_account_but_not_a_browser_that_signed_in_before(
    app: Flask, people: dict[str, User]
) -> None:
    known, fresh = at(app, "198.51.100.7"), at(app, "198.51.100.8")
    assert sign_in(known, "admin@example.com").status_code == 303
    sign_out(known)
    with app.test_request_context("/api/v1/auth/login", method="POST", json=WRONG):
        key = rate_limits._account()
    # As a thousand sources do in an hour: the limit itself is what the broker holds for it.
    limiter.limiter.hit(parse(rate_limits.FAILURES_BY_ACCOUNT), "gnb", key, "sign-in by account", cost=1000)
    assert sign_in(fresh, "admin@example.com").status_code == 429
    assert at(app, "198.51.100.9").post(LOGIN, json=RIGHT).status_code == 429
    assert sign_in(fresh, "user@example.com").status_code == 303
    assert sign_in(known, "admin@example.com").status_code == 303
    sign_out(known)
    # The cookie opens no other account, and its own guesses are limited.
    for _ in range(10):
        assert sign_in(known, "admin@example.com", "wrong").status_code == 401
    assert sign_in(known, "admin@example.com").status_code == 429


def test_the_cookie_of_a_device_cannot_be_forged_or_carried_to_another_account(
    app: Flask, people: dict[str, User]
) -> None:
    client = at(app, "198.51.100.7")
    assert sign_in(client, "user@example.com").status_code == 303
    cookie = client.get_cookie(rate_limits.DEVICE_COOKIE, "gnb.example", "/login")
    assert cookie and cookie.secure and cookie.http_only
    for value in (cookie.value, "x", cookie.value[:-2], "", "[]"):
        with app.test_request_context(
            "/login", method="POST", data=WRONG, headers={"Cookie": f"{rate_limits.DEVICE_COOKIE}={value}"}
        ):
            assert rate_limits._device(rate_limits._account()) is None


def test_guesses_that_come_together_are_all_counted(app: Flask, people: dict[str, User]) -> None:
    def guess(_number: int) -> int:
        return at(app, "203.0.113.66").post(LOGIN, json=WRONG).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert statuses.count(401) == 10
    assert statuses.count(429) == 14


@pytest.mark.parametrize("network", ["2001:db8:1:2::", "::ffff:198.51.100.9"])
def test_the_addresses_of_one_network_count_as_one_source(app: Flask, people: dict[str, User], network: str) -> None:
    for number in range(10):
        source = f"{network}{number + 1:x}:{number}" if "db8" in network else ("198.51.100.9", network)[number % 2]
        assert at(app, source).post(LOGIN, json=WRONG).status_code == 401
    assert at(app, f"{network}ffff" if "db8" in network else network).post(LOGIN, json=WRONG).status_code == 429
    assert at(app, "2001:db8:1:3::1").post(LOGIN, json=WRONG).status_code == 401


def test_guesses_are_counted_while_the_broker_is_full(app: Flask, people: dict[str, User], broker: Broker) -> None:
    with redis.Redis.from_url(broker.url) as connection:
        connection.config_set("maxmemory", 1)
        try:
            client = at(app, "203.0.113.66")
            statuses = [client.post(LOGIN, json=WRONG).status_code for _ in range(11)]
        finally:
            connection.config_set("maxmemory", 0)
    assert statuses == [401] * 10 + [429]


def test_a_right_password_is_never_counted(client: FlaskClient, people: dict[str, User]) -> None:
    for _ in range(12):
        assert client.post(LOGIN, json=RIGHT).status_code == 200
    for _ in range(10):
        assert client.post(LOGIN, json=WRONG).status_code == 401
