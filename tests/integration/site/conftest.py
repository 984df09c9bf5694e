"""A visitor who fills forms as a browser does, and what the tests of the public pages share."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.extensions import db
from gnb.models import Extra, Tour, User
from gnb.services.accounts import passwords
from tests.business import make_tour, make_user

PASSWORD = "correct horse 42"
HARMFUL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Form(HTMLParser):
    """The fields of a page as a browser would send them: hidden ones, and what was typed, kept or chosen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = self._textarea = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = dict(attributes)
        name = given.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.values):
            self.values[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._textarea, self.values[name] = name, ""
        elif tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.values[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._select = "" if tag == "select" else self._select
        self._textarea = "" if tag == "textarea" else self._textarea

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data


def fields_of(answer: TestResponse) -> dict[str, str]:
    """What the page's forms hold."""
    return Form(answer.text).values


def csrf_of(client: FlaskClient, path: str = "/tours") -> str:
    return fields_of(client.get(path))["csrf_token"]


def sign_in(client: FlaskClient, user: User) -> FlaskClient:
    form = {"email": user.email, "password": PASSWORD, "csrf_token": csrf_of(client)}
    assert client.post("/login", data=form).status_code == 303
    return client


@pytest.fixture
def customer(app: Flask) -> User:
    """An account that can sign in."""
    return make_user(email="ayse@example.com", name="Ayşe Yılmaz", password_hash=passwords.hash_password(PASSWORD))


@pytest.fixture
def extras(app: Flask) -> list[Extra]:
    """A child seat of which there are four, and a welcome of which there is one."""
    found = [
        Extra(code="child-seat", titles={"en": "Child seat", "tr": "Çocuk koltuğu"}, price=5, max_quantity=4),
        Extra(code="welcome", titles={"en": "Meet and greet", "tr": "Karşılama"}, price=12, max_quantity=1, position=1),
    ]
    db.session.add_all(found)
    db.session.commit()
    return found


@pytest.fixture
def transfer(app: Flask) -> Tour:
    """A car from an airport."""
    return make_tour(slug="ist-fatih", airport="IST", origin="IST", destination="Fatih", category="airport",
                     titles={"en": "Istanbul Airport to Fatih", "tr": "İstanbul Havalimanı – Fatih"},
                     descriptions={"en": "A car of your own.", "tr": "Özel araç."})  # fmt: skip


@pytest.fixture
def cruise(app: Flask) -> Tour:
    """A tour of ten seats a day, sold by the person."""
    return make_tour(slug="bosphorus", category="tour", origin="Şişli", destination="Şişli", daily_seats=10,
                     titles={"en": "Bosphorus by boat", "tr": "Boğaz turu"}, max_passengers=40)  # fmt: skip
