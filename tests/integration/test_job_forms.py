"""Jobs and schedules by form: every mail can be enqueued and edited, by names, and nothing typed is lost."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db, engine
from gnb.services.accounts import users
from tests.business import make_booking, make_campaign, make_user
from tests.integration.api import probe
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite
assert probe


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin"))
    return client


@pytest.mark.parametrize("kind", ["booking-confirmation", "payment-confirmation"])
def test_a_bookings_mail_is_enqueued_by_form_with_its_booking_by_name(admin: FlaskClient, kind: str) -> None:
    booking = make_booking()
    page = admin.get(f"/admin/jobs/email/new?type={kind}").text
    assert re.search(rf'<option value="{booking.id}">{booking.reference} · ', page)
    assert not re.search(r'name="(booking\.id|bookingId)"[^>]* required', page) and 'name="booking.id"' not in page
    answer = admin.post("/admin/jobs/email/new", data={"type": kind, "bookingId": booking.id}, follow_redirects=True)
    assert f"{kind} enqueued." in answer.text
    assert [job.data for job in engine().queue("email").jobs("waiting").jobs] == [
        {"type": kind, "bookingId": booking.id}
    ]


def test_a_campaigns_mail_is_enqueued_by_form(admin: FlaskClient) -> None:
    user, campaign = make_user(name="Elif Kaya"), make_campaign()
    assert "Elif Kaya · " in admin.get("/admin/jobs/email/new?type=campaign-notification").text
    form = {"type": "campaign-notification", "userId": user.id, "campaignId": campaign.id}
    assert "enqueued." in admin.post("/admin/jobs/email/new", data=form, follow_redirects=True).text


def test_a_job_whose_data_has_the_whole_booking_is_edited_by_its_id(admin: FlaskClient) -> None:
    booking = make_booking()
    job = engine().queue("email").enqueue("booking-confirmation", {"booking": {"id": booking.id, "reference": "X"}})
    page = admin.get(f"/admin/jobs/email/{job.id}/edit").text
    assert re.search(rf'name="bookingId" type="number" value="{booking.id}"', page)


def test_a_job_is_made_to_run_after_others_by_form(admin: FlaskClient) -> None:
    queue = engine().queue("email")
    first, second = queue.enqueue("probe"), queue.enqueue("probe")
    form = {
        "type": "probe",
        "option.depends_on": f"{first.id}, {second.id}",
        "option.on_parent_failure": "run",
    }
    assert "probe enqueued." in admin.post("/admin/jobs/email/new", data=form, follow_redirects=True).text
    assert queue.jobs("deferred").jobs[0].depends_on == (first.id, second.id)
    wrong = admin.post("/admin/jobs/email/new", data={**form, "option.depends_on": "nobody"})
    assert wrong.status_code == 422 and "there is no such job" in wrong.text


def test_the_next_five_runs_are_shown_before_a_schedule_is_saved(admin: FlaskClient) -> None:
    form = {"name": "nightly", "type": "clean-up", "cron": "30 3 * * *", "tz": "Europe/Istanbul", "catch_up": "once"}
    page = admin.post("/admin/new-schedule", data={**form, "data": "{}", "preview": "1"}).text
    assert "nothing is saved yet" in page and page.count("03:30:00") == 5 and 'value="30 3 * * *"' in page
    assert engine().schedules.list() == ()
    wrong = admin.post("/admin/new-schedule", data={**form, "cron": "99 3 * * *", "data": "{}", "preview": "1"})
    assert wrong.status_code == 422 and "minute is" in wrong.text


MAIL = {"to": "a@gnb.example", "subject": "Hello", "html": "<p style='color: red'>Hi <script>alert(1)</script></p>"}


@pytest.mark.parametrize(
    ("page", "prefix", "more"),
    [
        ("/admin/jobs/email/new", "", {"type": "send-email"}),
        ("/admin/new-schedule", "data.", {"type": "send-email", "name": "nightly", "tz": "UTC", "cron": "@daily"}),
    ],
)
def test_the_html_of_a_mail_is_previewed_in_a_frame_that_runs_nothing_before_it_is_sent(
    admin: FlaskClient, page: str, prefix: str, more: dict[str, str]
) -> None:
    form = admin.post(page, data={**more, "choose": "1"}).text if prefix else admin.get(f"{page}?type=send-email").text
    assert re.search(r'<button [^>]*name="show_message" value="1" formtarget="message-preview"', form)
    assert re.search(r'<iframe [^>]*name="message-preview" sandbox=""', form)
    typed = {**more, **{prefix + name: text for name, text in MAIL.items()}, "show_message": "1"}
    shown = admin.post(page, data=typed)
    assert shown.text == MAIL["html"] and shown.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "script-src" not in policy
    plain = admin.post(page, data={**more, f"{prefix}text": "Hi & bye", "show_message": "1"})
    assert "Hi &amp; bye" in plain.text and "GNB Transfer" in plain.text
    assert engine().queue("email").jobs("waiting").total == 0 and engine().schedules.list() == ()


def test_a_form_is_kept_when_the_account_was_signed_out_everywhere_meanwhile(app: Flask, client: FlaskClient) -> None:
    user = make_user(role="admin")
    sign_in(client, user)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/jobs/email/new").text)
    assert token
    users.sign_out_everywhere(user)
    form = {"csrf_token": token[1], "type": "probe", "number": "42"}
    gone = client.post("/admin/jobs/email/new", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert gone.status_code == 400 and "Your session has ended" in gone.text
    assert '<input type="hidden" name="number" value="42">' in gone.text
    assert engine().queue("email").jobs("waiting").total == 0


def test_a_form_with_a_password_is_not_kept(client: FlaskClient) -> None:
    form = {"csrf_token": "old", "email": "a@gnb.example", "password": "correct horse 42"}
    answer = client.post("/login", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 400 and "correct horse" not in answer.text


def test_a_visitors_form_that_is_out_of_date_is_kept_without_asking_to_sign_in(client: FlaskClient) -> None:
    form = {"csrf_token": "old", "reference": "GNB-7K3M9-Q2XTD", "email": "a@gnb.example"}
    answer = client.post("/find-booking", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 400 and 'value="GNB-7K3M9-Q2XTD"' in answer.text and "session" not in answer.text


def test_a_form_whose_session_has_ended_keeps_what_was_typed(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    form = {"csrf_token": "of an ended session", "type": "probe", "number": "42"}
    same_site = {"Sec-Fetch-Site": "same-origin"}
    gone = client.post("/admin/jobs/email/new", data=form, headers=same_site)
    assert gone.status_code == 400 and "Your session has ended" in gone.text
    assert '<input type="hidden" name="number" value="42">' in gone.text
    sign_in(client, make_user(role="admin"))
    db.session.commit()
    again = client.post("/admin/jobs/email/new", data=form, headers=same_site)
    token = re.search(r'name="csrf_token" value="([^"]+)"', again.text)
    assert again.status_code == 400 and token and "check it and send it" in again.text
    sent = client.post("/admin/jobs/email/new", data={**form, "csrf_token": token[1]}, headers=same_site)
    assert sent.status_code == 303
    assert engine().queue("email").jobs("waiting").jobs[0].data["number"] == 42


def test_a_form_of_another_site_is_not_offered_to_be_sent_again(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    sign_in(client, make_user(role="admin"))
    form = {"csrf_token": "guessed", "type": "probe"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert client.post("/admin/jobs/email/new", data=form, headers=headers).status_code == 303


def test_cancelling_a_booking_asks_to_keep_it_or_to_cancel_it(admin: FlaskClient) -> None:
    page = admin.get(f"/admin/bookings/{make_booking().id}/status/cancelled").text
    assert ">Keep booking<" in page and ">Cancel booking<" in page
