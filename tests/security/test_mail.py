"""A stranger cannot write to others through us, and staff cannot act by the links of other people's mail."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import Delivery, User
from gnb.services import email_service
from gnb.services.mail import MailUnavailable, sending
from gnb.services.mail.contents import content_of
from gnb.services.reports.weekly_report import send_weekly_report
from tests.business import booking_data, make_booking, make_tour, make_user
from tests.mail_server import MailServer
from tests.security.conftest import SITE, form_token, sign_in
from tests.servers import on_sqlite

BOOK = "/api/v1/bookings"
LINKS = [
    "http://evil.example/x",
    "Win now: HTTPS://evil.example",
    "www.evil.example",
    "evil.com",
    "Call evil.ru now",
    "evil。com",
    "ｅｖｉｌ．ｃｏｍ",
    "e\u200bvil.c\u200bom",
    "mailto:a@evil.example",
    "me@evil.example",
    "javascript:/x",
]
NAMES = [
    "J.R. Smith",
    "Ayşe Yılmaz",
    "Jr.Martin",
    "St.Mary Hotel",
    "Atatürk Cad.No:5",
    "Otel 5*, Fatih/İst.",
    "O'Brien-Øst",
    "M.Su",
]


@on_sqlite
def test_names_and_places_hold_no_links(app: Flask, client: FlaskClient) -> None:
    app.config.update(BOOKING_RATE_LIMIT="1000 per minute", BOOKING_RECIPIENT_LIMIT="1000 per day")
    tour = make_tour()
    for link in LINKS:
        for field in ("contactName", "pickupPlace", "dropoffPlace"):
            assert client.post(BOOK, json=booking_data(tour, **{field: link})).status_code == 422, (field, link)
        named = [{"name": "Ali"}, {"name": link}]
        assert client.post(BOOK, json=booking_data(tour, passengers=named)).status_code == 422, link
        form = {"name": link, "email": "a@example.com", "csrf_token": form_token(client, "/register")}
        assert client.post("/register", data=form, headers={"Referer": SITE}).status_code in (422, 429), link
    assert db.session.query(Delivery).count() == 0
    for name in NAMES:
        data = booking_data(tour, contactName=name, pickupPlace=name, passengers=[{"name": name}])
        assert client.post(BOOK, json=data).status_code == 201, name


@on_sqlite
def test_mail_that_a_stranger_causes_has_nothing_that_the_stranger_wrote(app: Flask, client: FlaskClient) -> None:
    words = {
        "contactName": "Hostilename",
        "pickupPlace": "Hostilepickup",
        "dropoffPlace": "Hostiledropoff",
        "notes": "Hostilenotes https://evil.example",
        "passengers": [{"name": "Hostilepassenger"}],
        "contactEmail": "victim@example.com",
    }
    made = client.post(BOOK, json=booking_data(make_tour(), **words)).json["data"]
    page = made["link"].removeprefix(SITE)
    token = form_token(client, page.replace("?", "/cancel?"))
    answer = client.post(page.replace("?", "/cancel?"), data={"csrf_token": token}, headers={"Referer": f"{SITE}/"})
    assert answer.status_code == 303
    deliveries = db.session.query(Delivery).order_by(Delivery.id).all()
    assert [delivery.kind for delivery in deliveries] == ["booking-confirmation", "booking-cancellation"]
    for delivery in deliveries:
        content = content_of(delivery)
        whole = (
            f"{content.subject} {content.html} {content.text} {delivery.recipient_name} {sending.source_of(delivery)!r}"
        )
        assert "hostile" not in whole.lower()
        assert "evil" not in whole


@on_sqlite
def test_mail_about_accounts_overtakes_mail_about_bookings(app: Flask, client: FlaskClient) -> None:
    customer, booking = make_user(), make_booking(status="pending")
    bookings = [
        email_service.plan_booking_received(booking),
        email_service.plan_booking_confirmation(booking),
        email_service.plan_booking_cancellation(booking),
    ]
    accounts = [
        email_service.plan_password_reset(customer),
        email_service.plan_registration("new@example.com", "New", "en"),
        email_service.plan_account_exists(customer),
    ]
    assert max(mail.priority for mail in accounts) < min(mail.priority for mail in bookings)


def test_staff_who_may_not_act_see_no_secret_of_a_message(app: Flask, people: dict[str, User]) -> None:
    booking = make_booking()
    mails = [
        email_service.send_booking_confirmation(booking),
        email_service.send_email("a@example.com", "Hi", text=f"{SITE}/unsubscribe/abc.def {SITE}/reset-password/ghi"),
    ]
    secrets = re.compile(r"token=[\w-]{20}|unsubscribe/abc|reset-password/ghi")
    for role in ("support", "manager", "admin"):
        client = app.test_client()
        assert sign_in(client, f"{role}@example.com").status_code == 303
        for mail in mails:
            for path in ("", "/message", "/source"):
                answer = client.get(f"/admin/emails/{mail.id}{path}")
                if role == "admin":
                    assert answer.status_code == 200
                elif path == "/source":
                    assert answer.status_code == 403
                else:
                    assert answer.status_code == 200
                    assert not secrets.search(answer.text), (role, path)
        shown = client.get(f"/admin/emails/{mails[0].id}/message").text
        assert bool(secrets.search(shown)) == (role == "admin")
        assert booking.reference in shown


@on_sqlite
@pytest.mark.parametrize("kept", [False, True])
def test_a_message_is_read_by_those_who_may_know_what_its_recipients_do(
    app: Flask, people: dict[str, User], kept: bool
) -> None:
    make_booking(created_at=datetime(2026, 7, 1, tzinfo=UTC))
    send_weekly_report()
    report = db.session.query(Delivery).filter_by(kind="weekly-report").first()
    assert report is not None
    if kept:
        sending.send(report.id)
    for role, allowed in (("support", False), ("manager", True), ("admin", True), ("superadmin", True)):
        client = app.test_client()
        assert sign_in(client, f"{role}@example.com").status_code == 303
        assert client.get(f"/admin/emails/{report.id}/message").status_code == (200 if allowed else 403), role
        assert (client.get(f"/admin/emails/{report.id}/source").status_code == 200) == (role in ("admin", "superadmin"))
        assert client.get(f"/admin/emails/{report.id}").status_code == 200


@on_sqlite
def test_nothing_is_sent_in_the_clear_where_tls_is_required(settings: Settings) -> None:
    server = MailServer().start()  # as it looks where somebody has stripped the offer of STARTTLS
    try:
        smtp = {"email_provider": "smtp", "smtp_host": "127.0.0.1", "smtp_port": server.port}
        for required in (True, False):
            app = create_app(replace(settings, **smtp, smtp_require_tls=required))
            with app.app_context():
                if required:
                    with pytest.raises(MailUnavailable, match="no TLS"):
                        email_service.send_email("a@example.com", "Hi", text="secret")
                    assert server.sources == []
                else:
                    email_service.send_email("a@example.com", "Hi", text="plain")
                db.session.remove()
                db.engine.dispose()
        assert len(server.sources) == 1
    finally:
        server.stop()
