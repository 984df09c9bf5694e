"""How often mail of accounts may be asked for, and passwords guessed, and that nobody is closed out by others."""

from flask import Flask
from flask.testing import FlaskClient

from gnb.models import User
from tests.business import make_user
from tests.integration.site.conftest import PASSWORD, csrf_of, sign_in
from tests.integration.site.test_accounts import NEW, forget, mails, register
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_mail_to_one_address_is_throttled_whoever_asks(app: Flask, client: FlaskClient, customer: User) -> None:
    for _ in range(3):
        assert register(client, customer.email).status_code == 200
    for _ in range(2):
        assert forget(client, "AYSE@example.com").status_code == 200
    for answer in (register(client, customer.email), forget(client, customer.email)):
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
    assert register(client, "other@example.com").status_code == 200
    assert len(mails()) == 6


def test_mail_from_one_place_is_throttled_whomever_it_goes_to(client: FlaskClient) -> None:
    answers = [register(client, f"new{number}@example.com").status_code for number in range(21)]
    assert answers == [200] * 20 + [429]


def test_signing_in_is_not_closed_by_mail_that_others_ask_for(app: Flask, client: FlaskClient, customer: User) -> None:
    for _ in range(6):
        forget(client, customer.email)
    sign_in(app.test_client(), customer)


def test_failures_of_one_person_do_not_close_the_password_page_to_others(app: Flask, customer: User) -> None:
    other = make_user(password_hash=customer.password_hash)
    client, bystander = sign_in(app.test_client(), customer), sign_in(app.test_client(), other)
    form = {"current": "wrong", "new": NEW, "again": NEW, "csrf_token": csrf_of(client, "/my/settings")}
    form["email"] = "somebody-else@example.com"  # a field that the page does not have, and that changes nothing
    statuses = [client.post("/account/password", data=form).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    right = {**form, "current": PASSWORD, "csrf_token": csrf_of(bystander, "/my/settings")}
    assert bystander.post("/account/password", data=right).status_code == 303
