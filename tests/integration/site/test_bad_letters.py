"""Letters that no keyboard types, in every field there is, on both databases."""

import pytest
from flask import Flask

from gnb.models import Extra, User
from tests.integration.site.conftest import csrf_of, sign_in
from tests.integration.site.test_accounts import forget, register
from tests.integration.site.test_booking import TYPED, send
from tests.integration.site.test_settings import save

LETTERS = ["a\x00b", "\x00", "\u202eevil", "a\r\nb: c", "\x1b[31m"]


@pytest.mark.parametrize("text", LETTERS, ids=ascii)
def test_no_letter_breaks_a_form_of_an_account(app: Flask, customer: User, text: str) -> None:
    visitor, signed_in = app.test_client(), sign_in(app.test_client(), customer)
    password = {"current": text, "new": text * 9, "again": text * 9, "csrf_token": csrf_of(signed_in, "/my/settings")}
    login = {"email": text, "password": text, "csrf_token": csrf_of(visitor)}
    answers = [
        register(visitor, name=text),
        register(visitor, email=f"{text}@example.com"),
        forget(visitor, f"{text}@example.com"),
        visitor.post("/login", data=login),
        save(signed_in, name=text),
        save(signed_in, phone=text),
        save(signed_in, language=text),
        signed_in.post("/account/password", data=password),
        visitor.get("/tours", query_string=dict.fromkeys(("from", "to", "date", "passengers", "category"), text)),
    ]
    assert max(answer.status_code for answer in answers) < 500


@pytest.mark.usefixtures("transfer")
@pytest.mark.parametrize("text", LETTERS, ids=ascii)
def test_no_letter_breaks_the_form_of_a_booking(app: Flask, extras: list[Extra], text: str) -> None:
    for name in (*TYPED, "key", "tour", "extras-child-seat", "extras-welcome"):
        assert send(app.test_client(), **{name: text}).status_code in (303, 400, 404, 422), name
