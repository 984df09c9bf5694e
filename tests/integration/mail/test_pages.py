"""The pages of mail and of campaigns, and the way out of them."""

import re
from functools import cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.models import AuditEntry, Campaign, Delivery, db
from gnb.services import email_service
from gnb.services.accounts import passwords
from gnb.services.mail import campaigns, recipients, sending
from tests.business import make_booking, make_campaign, make_tour, make_user
from tests.servers import on_sqlite

pytestmark = on_sqlite
PASSWORD = "a long enough password 42"


def sign_in(client: FlaskClient, role: str = "admin") -> None:
    user = make_user(role=role, password_hash=_hash())
    sent = {"email": user.email, "password": PASSWORD, "csrf_token": token(client, "/login")}
    assert client.post("/login", data=sent).status_code == 303


@cache
def _hash() -> str:
    return passwords.hash_password(PASSWORD)


def token(client: FlaskClient, page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)
    assert found
    return found[1]


def post(client: FlaskClient, page: str, url: str, **fields: Any) -> Any:
    return client.post(url, data={"csrf_token": token(client, page), **fields}, follow_redirects=True)


@pytest.fixture
def admin(client: FlaskClient) -> FlaskClient:
    """A browser in which an admin has signed in."""
    sign_in(client)
    return client


def test_every_message_in_the_sink_can_be_read(app: Flask, admin: FlaskClient) -> None:
    delivery = email_service.send_booking_confirmation(make_booking(customer_email="ann@example.com"))
    assert "ann@example.com" in admin.get("/admin/emails").text
    page = admin.get(f"/admin/emails/{delivery.id}")
    assert page.status_code == 200
    assert 'sandbox=""' in page.text
    message = admin.get(f"/admin/emails/{delivery.id}/message")
    assert "Your booking is confirmed" in message.text
    assert message.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert message.headers["X-Frame-Options"] == "SAMEORIGIN"
    source = admin.get(f"/admin/emails/{delivery.id}/source")
    assert source.mimetype == "message/rfc822"
    assert b"Message-ID: <delivery." in source.data


def test_the_list_can_be_narrowed(app: Flask, admin: FlaskClient) -> None:
    email_service.send_email("ann@example.com", "Hello", text="x")
    email_service.send_booking_confirmation(make_booking(customer_email="bob@example.com", language="tr"))
    for query in ("q=ann", "kind=email", "language=en", "state=sent&q=ANN@example.com"):
        text = admin.get(f"/admin/emails?{query}").text
        assert "ann@example.com" in text, query
        assert "bob@example.com" not in text, query
    for query in ("state=nonsense&kind=%01&campaign=x", "q=%27%25_", "page=99999999", "state=failed", "campaign=999999999"):  # fmt: skip # noqa: E501
        assert admin.get(f"/admin/emails?{query}").status_code == 200, query


def test_a_message_can_be_sent_once_more(app: Flask, admin: FlaskClient) -> None:
    delivery = email_service.send_booking_confirmation(make_booking())
    answer = post(admin, f"/admin/emails/{delivery.id}", f"/admin/emails/{delivery.id}/resend")
    assert "Message resent." in answer.text
    assert db.session.query(Delivery).count() == 2
    assert db.session.query(AuditEntry).filter_by(action="email.resend").count() == 1


def test_support_may_read_and_not_send(app: Flask, client: FlaskClient) -> None:
    sign_in(client, "support")
    delivery = email_service.send_email("ann@example.com", "Hello", text="x")
    assert client.get(f"/admin/emails/{delivery.id}").status_code == 200
    page = f"/admin/emails/{delivery.id}"
    assert client.post(page + "/resend", data={"csrf_token": token(client, page)}).status_code == 403
    assert client.get("/admin/campaigns/new").status_code == 403


def test_a_link_for_a_new_password_is_shown_to_nobody_else(app: Flask, admin: FlaskClient) -> None:
    delivery = email_service.plan_password_reset(make_user(), "/reset/{token}")
    db.session.commit()
    sending.send(delivery.id)
    page = admin.get(f"/admin/emails/{delivery.id}")
    assert page.status_code == 200
    assert "<iframe" not in page.text
    assert admin.get(f"/admin/emails/{delivery.id}/message").status_code == 403
    assert admin.get(f"/admin/emails/{delivery.id}/source").status_code == 403


def test_a_delivery_that_is_not_there_is_not_found(app: Flask, admin: FlaskClient) -> None:
    for path in ("1", "99999999999999999999", "1/message", "1/source"):
        assert admin.get(f"/admin/emails/{path}").status_code == 404


FORM: dict[str, Any] = {
    "name": "Spring",
    "starts_at": "2027-03-01T00:00",
    "ends_at": "2027-03-31T23:59",
    "discount_percent": "15",
    "floor_percent": "70",
    "tour_id": "0",
    "category": "",
    "city": "",
    "subject_en": "Spring offers",
    "body_en": "Hello {name}",
    "subject_tr": "Bahar fırsatları",
    "body_tr": "Merhaba {name}",
}


def test_a_campaign_is_written_seen_tested_sent_paused_resumed_and_called_off(app: Flask, admin: FlaskClient) -> None:
    make_user(email="ann@example.com", language="tr")
    tour = make_tour()
    page = post(admin, "/admin/campaigns/new", "/admin/campaigns/new", **FORM, languages=["tr", "en"], weekdays=["1"])
    assert page.status_code == 200
    campaign = db.session.query(Campaign).one()
    assert (campaign.segment, campaign.weekdays) == ({"languages": ["tr", "en"]}, [1])
    assert campaign.starts_at.isoformat() == "2027-02-28T21:00:00+00:00"
    url = f"/admin/campaigns/{campaign.id}"
    assert "1 recipient would receive it." in admin.get(url).text
    assert "Merhaba" in admin.get(f"{url}/preview/tr").text
    assert "Hello" in admin.get(f"{url}/preview/en").text
    assert admin.get(f"{url}/preview/de").status_code == 404
    assert "Test messages sent to you: Türkçe, English." in post(admin, url, f"{url}/test").text
    question = admin.get(f"{url}/send").text
    assert "Send to 1 recipient?" in question
    assert re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(\d+)<", question) == [("Türkçe", "1"), ("English", "0")]
    edited = {**FORM, "name": "Early spring", "tour_ids": [str(tour.id)]}
    assert "Early spring" in post(admin, f"{url}/edit", f"{url}/edit", **edited).text
    stale = post(admin, f"{url}/edit", f"{url}/edit", **{**FORM, "name": "Late spring"}, version="1")
    assert stale.status_code == 409 and re.search(r"Name</th>.*Early spring.*Late spring", stale.text)
    post(admin, f"{url}/edit", f"{url}/edit", **FORM)
    assert "Sending to 1 recipient." in post(admin, url, f"{url}/send").text
    campaigns.reconcile(campaign.id)
    assert "Mailing paused." in post(admin, url, f"{url}/mailing/pause").text
    assert "Mailing resumed." in post(admin, url, f"{url}/mailing/resume").text
    assert "rest of the mailing is cancelled" in post(admin, url, f"{url}/mailing/cancel").text
    assert "the mailing is cancelled" in post(admin, url, f"{url}/mailing/resume").text
    assert admin.post(f"{url}/mailing/nonsense", data={"csrf_token": token(admin, url)}).status_code == 404
    assert "Prices are updated." in post(admin, url, f"{url}/state", state="active").text
    assert "Not possible in the current state." in post(admin, url, f"{url}/state", state="active").text


def test_the_form_counts_the_readers_of_a_language_without_a_text_and_saves_nothing(
    app: Flask, admin: FlaskClient
) -> None:
    make_user(language="tr")
    make_user(language="de")
    page = post(admin, *["/admin/campaigns/new"] * 2, **{**FORM, "body_tr": ""}, count="1")
    warning = "There is no subject or text in Türkçe, which 1 recipient would get. Test and Send are rejected"
    assert page.status_code == 200 and warning in page.text
    assert "2 recipients would receive it. Nothing is saved yet." in page.text and 'value="Spring offers"' in page.text
    without = post(admin, *["/admin/campaigns/new"] * 2, **{**FORM, "body_tr": ""}, languages=["de", "en"], count="1")
    assert "There is no subject" not in without.text and "1 recipient would receive it." in without.text
    assert db.session.query(Campaign).count() == 0
    saved = post(admin, *["/admin/campaigns/new"] * 2, **{**FORM, "body_tr": ""})
    assert warning in saved.text
    url = f"/admin/campaigns/{db.session.query(Campaign).one().id}"
    assert warning in admin.get(f"{url}/edit").text
    for refused in (post(admin, url, f"{url}/test"), post(admin, url, f"{url}/send")):
        assert "no subject or text in languages of its recipients: Türkçe (1)" in refused.text


def test_a_form_without_its_fields_is_rejected_and_breaks_nothing(app: Flask, admin: FlaskClient) -> None:
    assert post(admin, *["/admin/campaigns/new"] * 2, name="Spring").status_code == 422
    least = {name: value for name, value in FORM.items() if not name.startswith(("subject", "body", "city"))}
    assert post(admin, *["/admin/campaigns/new"] * 2, **least).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 201), ("ends_at", "2027-01-01T00:00"), ("starts_at", "soon"),
        ("starts_at", "0001-01-01T00:00"),
        ("discount_percent", "91"), ("discount_percent", "x"), ("floor_percent", "5"),
        ("subject_en", "x" * 301), ("subject_tr", "two\r\nlines"),
        ("body_en", "x" * 20_001), ("category", "boat"), ("tour_id", "77"), ("tour_ids", "77"), ("languages", "xx"),
        ("weekdays", "8"), ("booked_after", "yesterday"), ("min_bookings", "-1"),
    ],
)  # fmt: skip
def test_a_form_with_a_mistake_comes_back_with_it(app: Flask, admin: FlaskClient, field: str, value: str) -> None:
    sent = {**FORM, field: value}
    answer = post(admin, *["/admin/campaigns/new?lang=en"] * 2, **sent)
    assert answer.status_code == 422
    assert db.session.query(Campaign).count() == 0
    english, turkish = (
        errors_in(answer.text),
        errors_in(post(admin, *["/admin/campaigns/new?lang=tr"] * 2, **sent).text),
    )
    assert english
    assert not set(english) & set(turkish)


def errors_in(page: str) -> list[str]:
    """What stands beside the fields."""
    return re.findall(r'<span class="error-text"[^>]*>([^<]+)<', page)


def test_a_rule_is_put_into_force_and_ended_after_one_question_with_its_numbers(app: Flask, admin: FlaskClient) -> None:
    make_tour(city="Izmir")
    make_tour(city="Ankara")
    make_user(email="ann@example.com")
    campaign = make_campaign(city="izmir", state="draft")
    url = f"/admin/campaigns/{campaign.id}"
    assert f'href="{url}/state/active"' in admin.get(url).text
    question = admin.get(f"{url}/state/active").text
    assert re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(\d+)<", question) == [("tours", "1")]
    assert "No mail goes out: it is sent when somebody presses Send." in question.replace("&#39;", "'")
    answer = post(admin, f"{url}/state/active", f"{url}/state", state="active")
    assert "Prices are updated." in answer.text
    assert "cannot be activated again" in admin.get(f"{url}/state/ended").text
    assert admin.get(f"{url}/state/draft").status_code == 404


def test_what_is_refused_or_failed_is_said_in_turkish(app: Flask, admin: FlaskClient) -> None:
    campaign = make_campaign(subjects={}, bodies={})
    url = f"/admin/campaigns/{campaign.id}"
    assert (
        "e-postanın, alıcılarının okuduğu şu dillerde konusu ya da metni yok: Türkçe (0), English (0)"
        in post(admin, f"{url}?lang=tr", f"{url}/send?lang=tr").text
    )
    delivery = email_service.plan_booking_confirmation(make_booking(customer_email="nobody"))
    db.session.commit()
    for page in ("/admin/emails", f"/admin/emails/{delivery.id}"):
        assert "alıcı bir e-posta adresi değil" in admin.get(f"{page}?lang=tr").text


def test_html_in_a_campaign_is_shown_as_text(app: Flask, admin: FlaskClient) -> None:
    harmful = "<script>alert(1)</script>"
    campaign = make_campaign(
        name=harmful, subjects={"en": harmful, "tr": harmful}, bodies={"en": harmful, "tr": harmful}
    )
    for path in ("", "/edit", "/preview/en", "/preview/tr", "/send"):
        assert harmful not in admin.get(f"/admin/campaigns/{campaign.id}{path}").text, path
    assert harmful not in admin.get("/admin/campaigns").text


def test_one_click_ends_campaigns_without_a_session(app: Flask, client: FlaskClient) -> None:
    user = make_user(email="ann@example.com")
    link = f"/unsubscribe/{recipients.unsubscribe_token(user.id)}"
    assert "ann@example.com" not in link
    page = client.get(link)
    assert "a•••@example.com" in page.text
    assert recipients.wants_campaigns("ann@example.com")
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "We send no offers to" in answer.text
    assert not recipients.wants_campaigns("ann@example.com")
    assert recipients.wants("ann@example.com", "booking-confirmation")
    assert "You get our offers again." in post(client, link, f"{link}/again").text
    assert recipients.wants_campaigns("ann@example.com")


@pytest.mark.parametrize("token", ["x", "MQ", "MQ.aaaa", "a" * 500, "%00"])
def test_a_link_that_is_made_up_changes_nothing(app: Flask, client: FlaskClient, token: str) -> None:
    make_user()
    assert client.get(f"/unsubscribe/{token}").status_code == 404
    assert client.post(f"/unsubscribe/{token}").status_code == 404
