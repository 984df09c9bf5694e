"""What the board does in a browser alone: searching on by itself, failed jobs on a phone, acknowledging in a dialog."""

import pytest
from playwright.sync_api import expect

from gnb.extensions import engine
from gnb.queueing import search
from gnb.queueing.queue_reader import QueueReader
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.test_actions import fail_some, toast


def test_a_search_goes_on_by_itself_until_it_has_found_something(
    empty: Stage, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_AT_ONCE", 10)
    monkeypatch.setattr(QueueReader.find, "__defaults__", (0, None, 0.0))
    for booking in range(45):
        empty.enqueue(700_000 + booking)
    page = visit("/admin/jobs/email?state=waiting")
    page.get_by_role("searchbox").fill("700043")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("700043")
    expect(page.get_by_text("1 match in 45 jobs.")).to_be_visible()
    assert "cursor=40" in page.url


@pytest.mark.parametrize("language", ["en", "tr"])
def test_failed_jobs_on_a_phone_are_short_and_can_be_selected(empty: Stage, visit: Visit, language: str) -> None:
    fail_some(empty, 3)
    with empty.app.app_context():
        for job in empty.queue().jobs("failed").jobs:
            long = {"error": f"ConnectionRefusedError: {'no route to smtp.example.com ' * 20}"}
            engine().broker.client.hset(f"rq:job:{job.id}", mapping=long)
    page = visit(f"/admin/jobs/email?state=failed&lang={language}", width=390)
    assert page.locator("tbody tr").count() == 3
    for row in page.locator("tbody tr").all():
        box, tick = row.bounding_box(), row.locator("input[data-row]").bounding_box()
        assert box and tick and box["height"] <= 90
        assert tick["width"] >= 20 and tick["height"] >= 20
        assert box["y"] <= tick["y"] and tick["y"] + tick["height"] <= box["y"] + box["height"]
    page.locator("input[data-row]").first.check()
    expect(page.get_by_text("1 seçili" if language == "tr" else "1 selected")).to_be_visible()


def test_an_alert_is_acknowledged_in_a_dialog_and_shown_again(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1)
    page = visit("/admin/")
    line = page.locator(".alerts li", has_text="email has no workers")
    line.get_by_role("link", name="Acknowledge…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("For").select_option("24h")
    dialog.get_by_role("button", name="Acknowledge").click()
    toast(page, "Acknowledged until")
    page.get_by_text("1 acknowledged alert").click()
    expect(page.locator("#acknowledged")).to_contain_text("acknowledged by Ayşe Yılmaz until")
    page.locator("#acknowledged").get_by_role("button", name="Show again").click()
    toast(page, "The alert is shown again.")


def test_the_interval_of_the_refresh_is_chosen_and_kept_on_other_pages(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/")
    page.get_by_label("Refresh interval").select_option("2")
    page.goto("/admin/jobs/email")
    expect(page.get_by_label("Refresh interval")).to_have_value("2")
    empty.enqueue(1)
    expect(page.get_by_role("link", name="Waiting 1")).to_be_visible(timeout=15_000)
