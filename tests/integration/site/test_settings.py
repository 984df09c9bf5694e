"""The settings of an account: what its holder may change, and nothing else."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gnb.extensions import db
from gnb.models import NotificationSetting, User
from tests.integration.site.conftest import csrf_of, fields_of, sign_in
from tests.servers import on_sqlite

pytestmark = on_sqlite


def save(client: FlaskClient, **fields: str) -> TestResponse:
    form = {"name": "Ayşe Kaya", "phone": "", "language": "en", "csrf_token": csrf_of(client, "/my/settings")}
    return client.post("/my/settings", data={**form, **fields})


def test_settings_are_saved_and_no_offers_means_none(app: Flask, customer: User) -> None:
    client = sign_in(app.test_client(), customer)
    assert 'name="campaigns"' in client.get("/my/settings").text
    assert "checked" in client.get("/my/settings").text
    client.get("/?lang=en")
    answer = save(client, phone="0532 123 45 67", language="tr")
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "Ayarlar kaydedildi." in page and 'value="+905321234567"' in page and "checked" not in page
    db.session.refresh(customer)
    assert (customer.name, customer.phone, customer.language) == ("Ayşe Kaya", "+905321234567", "tr")
    assert db.session.get(NotificationSetting, customer.email).campaigns is False  # type: ignore[union-attr]
    save(client, campaigns="y")
    db.session.expire_all()
    assert db.session.get(NotificationSetting, customer.email).campaigns is True  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"name": ""}, "Fill this in."),
        ({"name": "x" * 201}, "200"),
        ({"phone": "call me"}, "+90 532 123 45 67"),
        ({"language": "xx"}, "Not a valid choice"),
    ],
)
def test_settings_that_cannot_be_are_told_beside_their_field(
    app: Flask, customer: User, fields: dict[str, str], advice: str
) -> None:
    answer = save(sign_in(app.test_client(), customer), **fields)
    assert answer.status_code == 422 and advice in answer.text
    db.session.refresh(customer)
    assert customer.name == "Ayşe Yılmaz"


def test_a_language_without_texts_is_kept(app: Flask, customer: User) -> None:
    customer.language = "de"
    db.session.commit()
    client = sign_in(app.test_client(), customer)
    assert "Deutsch" in client.get("/my/settings").text
    assert save(client, language="de").status_code == 303
    assert save(client, language="ru").status_code == 422


def test_nobody_becomes_staff_by_a_form(app: Flask, customer: User) -> None:
    save(sign_in(app.test_client(), customer), role="admin", email="other@example.com", active="")
    db.session.refresh(customer)
    assert (customer.role, customer.email, customer.active) == ("user", "ayse@example.com", True)


def test_settings_saved_from_a_page_opened_before_another_change_are_rejected_with_both(
    app: Flask, customer: User
) -> None:
    client = sign_in(app.test_client(), customer)
    version = fields_of(client.get("/my/settings"))["version"]
    assert save(client, name="Ayşe Demir", version=version).status_code == 303
    answer = save(client, name="Ayşe Kara", version=version)
    assert answer.status_code == 409 and "Ayşe Demir" in answer.text and "Ayşe Kara" in answer.text
    assert save(client, name="Ayşe Kara", version=fields_of(answer)["version"]).status_code == 303
    db.session.refresh(customer)
    assert customer.name == "Ayşe Kara"
