"""The application as it is set up for production, behind one proxy and under one host name."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.config import Settings
from tests.conftest import Visitor
from tests.integration.accounts.conftest import PASSWORD, people
from tests.servers import Broker

SITE = "https://gnb.example"
assert people  # a fixture


@pytest.fixture
def settings(database_url: str, broker: Broker) -> Settings:
    """The settings of production."""
    return production(DATABASE_URL=database_url, REDIS_URL=broker.url)


PRODUCTION = {
    "SECRET_KEY": "3f9a0c71b2d84e56" * 4,
    "DATABASE_URL": "sqlite:////srv/gnb/gnb.db",
    "SITE_URL": SITE,
    "EMAIL_PROVIDER": "sink",
}
"""The least that production needs."""


def production(**variables: str) -> Settings:
    """Settings that production starts with, under these variables."""
    return Settings.from_env({**PRODUCTION, "TRUSTED_PROXIES": "1", **variables})


class Attacker(Visitor):
    """A client that reaches the site through its proxy, from the address `source`."""

    source = "198.51.100.7"

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        headers = {"X-Forwarded-For": self.source, "X-Forwarded-Proto": "https", **(kwargs.pop("headers", None) or {})}
        return super().open(*args, **{"base_url": SITE, "headers": headers, **kwargs})

    def at(self, source: str) -> Attacker:
        """Return the client, which from now on comes from this address."""
        self.source = source
        return self


@pytest.fixture
def app(app: Flask) -> Flask:
    app.test_client_class = Attacker
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def form_token(client: FlaskClient, path: str = "/login") -> str:
    """The form token of a page."""
    return str(client.get(path).text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0])


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Sign in on the page."""
    form = {"email": email, "password": password, "csrf_token": form_token(client)}
    return client.post("/login", data=form, headers={"Referer": f"{SITE}/login"})
