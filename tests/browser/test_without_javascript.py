"""Every button is a form: the pages work with JavaScript off, reload and all."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage


def test_a_queue_is_paused_and_resumed(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email", javascript=False)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("email paused")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("email resumed")


def test_selected_rows_are_removed(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="one")
    empty.enqueue(2, job_id="two")
    page = visit("/admin/jobs/email?state=waiting", javascript=False)
    page.get_by_label("Select welcome-mail two").check()
    page.get_by_role("button", name="Remove selected").click()
    expect(page.get_by_role("heading", name="Remove 1 job?")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("1 job removed")
    assert [job.id for job in empty.queue().jobs("waiting").jobs] == ["one"]


def test_a_queue_is_drained_by_way_of_a_page_that_asks(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1)
    page = visit("/admin/jobs/email", javascript=False)
    page.get_by_role("link", name="Drain…").click()
    page.get_by_role("button", name="Remove 1 job").click()
    expect(page.get_by_role("status")).to_contain_text("1 job removed")


def test_the_navigation_opens_on_a_phone(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/", width=390, javascript=False)
    expect(page.get_by_role("link", name="Workers", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Workers", exact=True).click()
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()


def test_theme_and_language_are_chosen_and_remembered(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/workers", javascript=False)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Türkçe").click()
    expect(page.get_by_role("heading", name="İşleyiciler")).to_be_visible()
    page.goto("/admin/")
    expect(page.locator("html")).to_have_attribute("lang", "tr")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_nothing_is_shown_that_needs_javascript(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email", javascript=False)
    for element in page.locator(".js-only").all():
        expect(element).to_be_hidden()
