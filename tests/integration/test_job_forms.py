"""Jobs and schedules by form: every mail can be enqueued and edited, by names, and nothing typed is lost."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db, engine
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
