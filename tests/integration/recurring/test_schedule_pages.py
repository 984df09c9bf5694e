"""The pages of schedules, for admins and for those who may only read."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import engine
from gnb.jobs.scheduled import SCHEDULES
from gnb.queueing import Schedule
from gnb.services.accounts import passwords
from tests.business import make_campaign, make_tour, make_user
from tests.servers import on_sqlite

pytestmark = on_sqlite

PASSWORD = "correct horse 42"
VERSION = re.compile(r'name="version" value="(\w+)"')
FORM = {"name": "nightly", "type": "clean-up", "cron": "0 3 * * *", "tz": "Europe/Istanbul", "catch_up": "once"}


@pytest.fixture
def sign_in(app: Flask, client: FlaskClient) -> Callable[[str], FlaskClient]:
    """Signs the visitor in as an account of that role."""
    app.config["WTF_CSRF_ENABLED"] = False

    def signed_in(role: str) -> FlaskClient:
        user = make_user(role=role, password_hash=passwords.hash_password(PASSWORD))
        answer = client.post("/login", data={"email": user.email, "password": PASSWORD})
        assert answer.status_code in (302, 303)
        return client

    return signed_in


@pytest.fixture
def admin(sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in("admin")


def test_the_list_says_what_each_schedule_means_in_the_readers_language(admin: FlaskClient) -> None:
    engine().schedules.sync(SCHEDULES)
    page = admin.get("/admin/schedules").text
    assert "At 02:00, only on Monday (Europe/Istanbul)" in page
    assert "No scheduler is running" in page
    assert "Saat 02:00, sadece pazartesi" in admin.get("/admin/schedules?lang=tr").text


def test_without_schedules_the_page_says_how_to_get_them(admin: FlaskClient) -> None:
    assert "flask jobs scheduler" in admin.get("/admin/schedules").text


def test_a_schedule_is_added_run_paused_edited_and_removed_by_the_pages(admin: FlaskClient) -> None:
    assert admin.get("/admin/new-schedule").status_code == 200
    assert admin.post("/admin/new-schedule", data=FORM).status_code == 303
    for action in ("run", "pause"):
        assert admin.post(f"/admin/schedules/nightly/{action}").status_code == 303
    page = admin.get("/admin/schedules/nightly").text
    assert "nightly-by-hand-" in page
    assert "It does not fire until it is resumed." in page
    admin.post("/admin/schedules/nightly/resume")
    edit = admin.get("/admin/schedules/nightly/edit").text
    assert "0 3 * * *" in edit
    admin.post("/admin/schedules/nightly/edit", data={**FORM, "cron": "", "every": "10m", "overlap": "true"})
    stale = {**FORM, "cron": "0 4 * * *", "version": read[1] if (read := VERSION.search(edit)) else ""}
    answer = admin.post("/admin/schedules/nightly/edit", data=stale)
    assert answer.status_code == 409 and "0 4 * * *" in answer.text and "Stored now: 600" in answer.text
    changed = engine().schedules.get("nightly").schedule
    assert (changed.every, changed.cron, changed.overlap) == (600, None, True)
    assert admin.get("/admin/schedules/nightly/remove").status_code == 200
    admin.post("/admin/schedules/nightly/remove")
    assert engine().schedules.list() == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cron": "0 25 * * *"}, "hour is &#39;25&#39;"),
        ({"type": "update-nothing"}, "there is no job type"),
        ({"type": "campaign-mailing", "data.campaignId": "many"}, 'id="f-data-campaignId-error"'),
        ({"tz": "Mars"}, "no time zone"),
        ({"name": "no spaces"}, "is no name"),
        ({"cron": "", "every": ""}, "give either cron"),
    ],
)
def test_a_wrong_form_comes_back_with_its_values_and_what_is_wrong(
    admin: FlaskClient, changes: dict[str, str], words: str
) -> None:
    answer = admin.post("/admin/new-schedule", data={**FORM, **changes})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Europe/Istanbul"' in answer.text or "tz" in changes


def test_the_data_of_a_schedule_is_typed_into_the_fields_of_its_type(admin: FlaskClient) -> None:
    campaign = make_campaign(name="Spring")
    page = admin.get("/admin/new-schedule").text
    assert "This job type takes no data." in page and 'name="data"' not in page
    other = {**FORM, "type": "campaign-mailing"}
    chosen = admin.post("/admin/new-schedule", data={**other, "choose": "1"}).text
    assert f'<option value="{campaign.id}">Spring</option>' in chosen and 'value="nightly"' in chosen
    # Without JavaScript another type may be chosen and saved at once: its fields are shown first.
    late = admin.post("/admin/new-schedule", data={**other, "shown_type": "clean-up"})
    assert 'name="data.campaignId"' in late.text and engine().schedules.list() == ()
    filled = {**other, "shown_type": "campaign-mailing", "data.campaignId": str(campaign.id)}
    assert admin.post("/admin/new-schedule", data=filled).status_code == 303
    assert engine().schedules.get("nightly").schedule.data == {"campaignId": campaign.id}
    edit = admin.get("/admin/schedules/nightly/edit").text
    assert re.search(rf'name="data.campaignId" type="number" value="{campaign.id}"', edit)
    version = VERSION.search(edit)
    assert version
    previewed = admin.post("/admin/schedules/nightly/edit", data={**filled, "preview": "1", "version": version[1]})
    assert f'name="version" value="{version[1]}"' in previewed.text


def test_a_schedule_whose_data_was_changed_meanwhile_says_what_is_stored(admin: FlaskClient) -> None:
    form = {**FORM, "type": "update-dynamic-pricing"}
    admin.post("/admin/new-schedule", data=form)
    version = VERSION.search(admin.get("/admin/schedules/nightly/edit").text)
    assert version
    admin.post("/admin/schedules/nightly/edit", data={**form, "data.dryRun": "true"})
    stale = admin.post("/admin/schedules/nightly/edit", data={**form, "version": version[1]})
    assert stale.status_code == 409
    assert "Data: Changed by someone else. Stored now: {&#34;dryRun&#34;: true}" in stale.text


def test_a_wrong_cron_line_is_refused_in_turkish(admin: FlaskClient) -> None:
    page = admin.post("/admin/new-schedule?lang=tr", data={**FORM, "cron": "0 25 * * *"}).text
    assert "saat alanında &#39;25&#39; yazıyor" in page
    page = admin.post("/admin/new-schedule?lang=tr", data={**FORM, "cron": "* *"}).text
    assert "dakika, saat, ayın günü, ay, haftanın günü" in page


def test_a_schedule_of_the_application_is_not_removed(admin: FlaskClient) -> None:
    engine().schedules.sync(SCHEDULES)
    assert "Remove" not in admin.get("/admin/schedules/clean-up").text
    admin.post("/admin/schedules/clean-up/remove")
    assert engine().schedules.get("clean-up").in_code


def test_an_unknown_schedule_leads_back_to_the_list(admin: FlaskClient) -> None:
    assert admin.get("/admin/schedules/none").location == "/admin/schedules"


def test_support_reads_and_changes_nothing(sign_in: Callable[[str], FlaskClient]) -> None:
    client = sign_in("support")
    engine().schedules.add(Schedule("nightly", "clean-up", cron="@daily"))
    page = client.get("/admin/schedules").text
    assert "nightly" in page
    assert "Run now" not in page
    assert client.post("/admin/schedules/nightly/pause").status_code == 403
    assert client.get("/admin/new-schedule").status_code == 403


def test_the_preview_of_prices_shows_tours_and_changes_none(admin: FlaskClient) -> None:
    assert "No tour is on sale" in admin.get("/admin/pricing").text
    make_tour(name="Ephesus <b>")
    page = admin.get("/admin/pricing").text
    assert "Ephesus &lt;b&gt;" in page
    assert "demand as before" in page
