"""Opening an account and a forgotten password: by the mailbox alone, telling nobody who has an account."""

import base64
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from werkzeug.test import TestResponse

from gnb.extensions import db
from gnb.models import Booking, Delivery, User
from gnb.services import email_service
from gnb.services.accounts import authentication
from gnb.services.mail.reading import SECRET_KINDS
from gnb.services.mail.sending import source_of
from tests.business import make_booking, make_user
from tests.integration.mail.test_messages import part, read
from tests.integration.site.conftest import HARMFUL, PASSWORD, csrf_of, sign_in
from tests.servers import on_sqlite

pytestmark = on_sqlite

NEW = "another password 7"


def register(client: FlaskClient, email: str = "new@example.com", name: str = "Can Yeni") -> TestResponse:
    form = {"email": email, "name": name, "csrf_token": csrf_of(client, "/register")}
    return client.post("/register", data=form)


def forget(client: FlaskClient, email: str) -> TestResponse:
    return client.post("/forgot-password", data={"email": email, "csrf_token": csrf_of(client, "/forgot-password")})


def choose(client: FlaskClient, path: str, new: str = NEW, again: str | None = None) -> TestResponse:
    form = {"new": new, "again": new if again is None else again, "csrf_token": csrf_of(client)}
    return client.post(path, data=form)


def mails() -> list[Delivery]:
    return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))


def mailed_path(delivery: Delivery) -> str:
    """The path of the link in the message."""
    found = re.search(r"https?://[^/\s]+(/(?:register|reset-password)/\S+)", part(read(delivery), "plain"))
    assert found
    return found[1]


def aged(token_of: object, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> str:
    """A token as it was made that long ago."""
    assert callable(token_of)
    present = TimestampSigner.get_timestamp
    with monkeypatch.context() as past:
        past.setattr(TimestampSigner, "get_timestamp", lambda signer: present(signer) - int(by.total_seconds()))
        return str(token_of())


# Opening an account


def test_an_account_is_opened_by_the_link_that_was_mailed(app: Flask, client: FlaskClient) -> None:
    client.get("/?lang=tr")
    register(client)
    assert db.session.scalar(sa.select(User)) is None
    [mail] = mails()
    assert (mail.kind, mail.recipient, mail.language) == ("registration", "new@example.com", "tr")
    path = mailed_path(mail)
    assert client.get(path).status_code == 200
    answer = choose(client, path)
    assert (answer.status_code, answer.location) == (303, "/my/bookings")
    assert "hesabınız açıldı" in client.get("/my/bookings").text
    user = db.session.scalars(sa.select(User)).one()
    assert (user.email, user.name, user.role, user.language) == ("new@example.com", "Can Yeni", "user", "tr")
    assert authentication.authenticate("new@example.com", NEW, kind="session")


def test_known_and_unknown_addresses_get_the_same_answer(app: Flask, customer: User) -> None:
    def shown(answer: TestResponse) -> tuple[int, str]:
        text = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)
        return answer.status_code, text.replace("new@example.com", "?").replace("ayse@example.com", "?")

    client = app.test_client()
    assert shown(register(client)) == shown(register(client, "Ayse@Example.com"))
    assert shown(forget(client, "new@example.com")) == shown(forget(client, "ayse@example.com"))
    assert [(mail.kind, mail.recipient) for mail in mails()] == [  # one in each case, so that none takes longer
        ("registration", "new@example.com"),
        ("account-exists", "ayse@example.com"),
        ("password-reset", "new@example.com"),
        ("password-reset", "ayse@example.com"),
    ]


def test_whoever_has_an_account_already_is_told_so_by_mail(client: FlaskClient, customer: User) -> None:
    register(client, customer.email, "Somebody Else")
    text = part(read(mails()[0]), "plain")
    assert "Ayşe Yılmaz" in text and "Somebody Else" not in text
    assert "/login" in text and "/forgot-password" in text and "/register/" not in text


def test_a_link_opens_one_account_only(app: Flask, client: FlaskClient) -> None:
    register(client)
    path = mailed_path(mails()[0])
    choose(client, path)
    stranger = app.test_client()
    answer = choose(stranger, path, "a third password 9")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "already been used to open an account" in stranger.get("/login").text
    assert authentication.authenticate("new@example.com", NEW, kind="session")


def test_the_guest_bookings_of_the_address_come_along_once_it_is_proven(app: Flask, client: FlaskClient) -> None:
    guest = make_booking(customer_email="New@example.com")
    others = make_booking(customer_email="new@example.com", user=make_user())
    elsewhere = make_booking(customer_email="else@example.com")
    register(client)
    choose(client, mailed_path(mails()[0]))
    page = client.get("/my/bookings").text
    assert guest.reference in page
    assert others.reference not in page and elsewhere.reference not in page


def test_an_address_that_nobody_has_proven_shows_no_guest_bookings(app: Flask, customer: User) -> None:
    guest = make_booking(customer_email=customer.email)
    client = sign_in(app.test_client(), customer)
    assert guest.reference not in client.get("/my/bookings").text
    assert client.get(f"/bookings/{guest.reference}").status_code == 404
    choose(client, f"/reset-password/{authentication.reset_token(customer)}")
    assert guest.reference in client.get("/my/bookings").text


def test_a_booking_stays_with_its_account_when_the_guest_registers(app: Flask, customer: User) -> None:
    booking = make_booking(user=customer, customer_email="new@example.com")
    client = app.test_client()
    register(client)
    choose(client, mailed_path(mails()[0]))
    assert db.session.scalar(sa.select(Booking.user_id).where(Booking.id == booking.id)) == customer.id


@pytest.mark.parametrize(
    ("language", "subjects", "words"),
    [
        ("en", ["Open your account", "You have an account already"], "Dear"),
        ("tr", ["Hesabınızı açın", "Zaten bir hesabınız var"], "Sayın"),
    ],
)
def test_mails_of_accounts_are_in_the_readers_language(
    client: FlaskClient, customer: User, language: str, subjects: list[str], words: str
) -> None:
    customer.language = language
    db.session.commit()
    client.get(f"/?lang={language}")
    register(client)
    register(client, customer.email)
    messages = [read(mail) for mail in mails()]
    assert [message["Subject"] for message in messages] == subjects
    for message in messages:
        for kind in ("plain", "html"):
            assert words in part(message, kind)


@pytest.mark.parametrize(
    ("email", "name", "advice"),
    [
        ("", "Can", "Enter your e-mail address."),
        ("nobody", "Can", "name@example.com"),
        ("a@b@c", "Can", "name@example.com"),
        ("x" * 300 + "@example.com", "Can", "254"),
        ("new@example.com\nBcc: all@example.com", "Can", "name@example.com"),
        ("new@example.com", "", "Enter your name."),
        ("new@example.com", "   ", "Enter your name."),
        ("new@example.com", "x" * 201, "200"),
    ],
)
def test_a_registration_that_cannot_be_is_told_beside_its_field(
    client: FlaskClient, email: str, name: str, advice: str
) -> None:
    answer = register(client, email, name)
    assert answer.status_code == 422
    error = re.search(r'class="error-text" id="(?:email|name)-error">([^<]*)<', answer.text)
    assert error and advice in error[1]
    assert mails() == []


def test_a_name_is_text_in_mail_and_page(client: FlaskClient) -> None:
    register(client, name=HARMFUL)
    [mail] = mails()
    assert "<script>alert" not in part(read(mail), "html")
    choose(client, mailed_path(mail))
    page = client.get("/my/settings").text
    assert "<script>alert" not in page and "<img src=x" not in page


def test_who_has_signed_in_needs_no_second_account(app: Flask, customer: User) -> None:
    assert sign_in(app.test_client(), customer).get("/register").location == "/my/bookings"


# Tokens


def test_the_link_of_a_registration_carries_no_address_and_no_name(app: Flask, client: FlaskClient) -> None:
    register(client)
    [mail] = mails()
    content, *_ = authentication.registration_token(mail.id).split(".")
    assert base64.urlsafe_b64decode(content + "==") == str(mail.id).encode()


def test_the_link_of_a_registration_is_kept_nowhere(app: Flask, client: FlaskClient) -> None:
    register(client)
    [mail] = mails()
    assert mail.content == {"path": "/register/{token}", "name": "Can Yeni"}
    assert {"registration", "password-reset"} <= SECRET_KINDS
    assert b"/register/" in source_of(mail)


def test_links_that_are_old_used_or_made_up_say_where_to_get_a_new_one(
    app: Flask, client: FlaskClient, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = email_service.plan_registration("new@example.com", "Can", "en").id
    db.session.commit()
    registration, reset = authentication.registration_token(asked), authentication.reset_token(customer)
    too_old = {
        "/register": aged(lambda: authentication.registration_token(asked), monkeypatch, timedelta(hours=25)),
        "/reset-password": aged(lambda: authentication.reset_token(customer), monkeypatch, timedelta(minutes=61)),
    }
    still_good = aged(lambda: authentication.reset_token(customer), monkeypatch, timedelta(minutes=59))
    assert client.get(f"/reset-password/{still_good}").status_code == 200
    wrong = [
        *(path + "/" + token for path, token in too_old.items()),
        f"/register/{reset}",
        f"/reset-password/{registration}",
        f"/register/{registration[:-2]}xx",
        "/register/made-up",
        "/reset-password/%00",
        "/reset-password/" + "x" * 3000,
    ]
    for path in wanted_paths(wrong):
        for answer in (client.get(path), choose(client, path)):
            assert answer.status_code == 404, path
            assert "no longer valid" in answer.text
    assert authentication.authenticate(customer.email, PASSWORD, kind="session")


def wanted_paths(paths: list[str]) -> list[str]:
    assert len(set(paths)) == len(paths)
    return paths


def test_a_forgotten_password_is_replaced_once_and_every_session_ends(app: Flask, customer: User) -> None:
    elsewhere, client = sign_in(app.test_client(), customer), app.test_client()
    forget(client, " AYSE@example.com ")
    path = mailed_path(mails()[0])
    assert choose(client, path).location == "/my/bookings"
    assert client.get("/my/bookings").status_code == 200
    assert elsewhere.get("/my/bookings").status_code == 303
    assert choose(app.test_client(), path, "a third password 9").status_code == 404
    db.session.expire_all()
    assert authentication.authenticate(customer.email, NEW, kind="session")


def test_a_link_ends_when_the_password_is_changed_otherwise(client: FlaskClient, customer: User) -> None:
    forget(client, customer.email)
    path = mailed_path(mails()[0])
    authentication.change_password(customer, PASSWORD, NEW)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("language", "subject", "action"),
    [
        ("en", "There is no account with this address", "Open an account"),
        ("tr", "Bu adresle açılmış bir hesap yok", "Hesap aç"),
    ],
)
def test_without_an_account_that_is_open_one_is_told_so_by_mail(
    client: FlaskClient, customer: User, language: str, subject: str, action: str
) -> None:
    customer.active = False
    db.session.commit()
    client.get(f"/?lang={language}")
    for address in ("new@example.com", customer.email):
        assert forget(client, address).status_code == 200
    for mail in mails():
        message = read(mail)
        assert message["Subject"] == subject
        assert action in part(message, "html")
        assert "/register" in part(message, "plain") and "/reset-password" not in part(message, "plain")


@pytest.mark.parametrize(
    ("new", "again", "advice"),
    [
        ("short", "short", "10 to 200 characters"),
        ("a long enough one", "another long one", "do not match"),
        ("aaaaaaaaaaaa", "aaaaaaaaaaaa", "few different characters"),
        ("new@example.com", "new@example.com", "must not be the email address"),
        ("", "", "Choose a new password."),
    ],
)
def test_a_bad_password_opens_nothing_and_the_link_stays_good(
    client: FlaskClient, new: str, again: str, advice: str
) -> None:
    register(client)
    path = mailed_path(mails()[0])
    answer = choose(client, path, new, again)
    assert answer.status_code == 422 and advice in answer.text
    assert choose(client, path).status_code == 303
