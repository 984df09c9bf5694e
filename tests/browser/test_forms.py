"""Forms of the administration in a browser: a schedule's typed fields, the preview of a message, counted recipients."""

import re

import pytest
from playwright.sync_api import expect

from gnb.extensions import db, engine
from gnb.models import Campaign
from gnb.services.accounts import users
from tests.browser.conftest import Visit, sign_in
from tests.browser.stage import ADMIN, Stage
from tests.business import make_user


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
def test_a_schedule_shows_the_fields_of_its_type_and_its_next_runs_before_it_is_saved(
    empty: Stage, visit: Visit, javascript: bool
) -> None:
    name = f"weekly-{javascript}".lower()
    page = visit("/admin/new-schedule", javascript=javascript)
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Job type").select_option("generate-weekly-report")
    choose = page.get_by_role("button", name="Show the fields of this type")
    if javascript:
        expect(choose).to_be_hidden()
    else:
        choose.click()
    expect(page.get_by_role("heading", name="Data of generate-weekly-report")).to_be_visible()
    page.get_by_role("textbox", name="Week").fill("2026-W47")
    page.get_by_label("Cron").fill("30 3 * * *")
    page.get_by_role("button", name="Show next runs").click()
    expect(page.get_by_role("status", name="Next runs").get_by_role("listitem")).to_have_count(5)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    with empty.app.app_context():
        assert engine().schedules.get(name).schedule.data == {"week": "2026-W47"}


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
def test_a_message_is_previewed_with_its_styles_beside_the_form_that_keeps_what_was_typed(
    empty: Stage, visit: Visit, javascript: bool
) -> None:
    page = visit("/admin/jobs/email/new?type=send-email", javascript=javascript)
    page.get_by_label("Html").fill(
        "<h1 style='color: rgb(200, 0, 0)'>Merhaba</h1><script>document.title = 'run'</script>"
    )
    page.get_by_role("button", name="Preview").click()
    heading = page.frame_locator("iframe[name=message-preview]").get_by_role("heading", name="Merhaba")
    expect(heading).to_be_visible()
    expect(heading).to_have_css("color", "rgb(200, 0, 0)")
    expect(page.get_by_label("Html")).to_have_value(re.compile("Merhaba"))
    assert empty.queue().jobs("waiting").total == 0


def test_a_campaign_says_in_its_form_how_many_read_a_language_that_has_no_text(empty: Stage, visit: Visit) -> None:
    with empty.app.app_context():
        make_user(language="tr")
    page = visit("/admin/campaigns/new")
    page.get_by_label("Name").fill("Spring")
    page.get_by_label("Subject in English").fill("Offers")
    page.get_by_label("Text in English").fill("Hello {name}")
    page.get_by_role("button", name="Count recipients").click()
    expect(page.get_by_role("note")).to_contain_text(
        "There is no subject or text in Türkçe, which 1 recipient would get."
    )
    page.get_by_label("Deutsch").check()
    page.get_by_label("English", exact=True).check()
    page.get_by_role("button", name="Count recipients").click()
    expect(page.get_by_role("note")).to_have_count(0)
    expect(page.get_by_label("Subject in English")).to_have_value("Offers")
    with empty.app.app_context():
        assert db.session.query(Campaign).count() == 0


def test_a_form_whose_session_was_ended_is_sent_after_signing_in_again_in_another_tab(
    empty: Stage, visit: Visit
) -> None:
    page = visit("/admin/jobs/email/new?type=welcome-mail")
    page.get_by_label("Booking").fill("4711")
    with empty.app.app_context():
        users.sign_out_everywhere(users.find(ADMIN))
    page.get_by_role("button", name="Enqueue").click()
    expect(page.get_by_text("Your session has ended, and nothing was changed.")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    sign_in(opened.value)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("What you typed is kept: check it and send it.")).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("welcome-mail enqueued.")).to_be_visible()
    assert [job.data["booking"] for job in empty.queue().jobs("waiting").jobs] == [4711]
