"""The page keeps itself up to date, and keeps what people did to it."""

import re
from itertools import pairwise

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, sign_in
from tests.browser.stage import Stage

REFRESHED = 30_000


def hurry(page: Page) -> None:
    """Have the next refresh come after a second instead of five."""
    page.locator("#live").evaluate("live => live.dataset.live = '1'")


def end_session(page: Page) -> None:
    """Sign out as in another tab. To take the cookie away is not enough: an answer on its way brings it back."""
    token = page.locator("input[name=csrf_token]").first.input_value()
    assert page.context.request.post("/logout", form={"csrf_token": token}).ok


def test_new_jobs_appear_and_selection_open_panels_typing_and_scroll_stay(empty: Stage, visit: Visit) -> None:
    for booking in range(20):
        empty.enqueue(booking, job_id=f"job-{booking}")
    page = visit("/admin/jobs/email?state=waiting")
    page.get_by_label("Select welcome-mail job-3").check()
    page.get_by_role("searchbox").fill("half a wo")
    page.mouse.wheel(0, 300)
    empty.enqueue(99, job_id="job-99")
    hurry(page)
    expect(page.get_by_label("Select welcome-mail job-99")).to_be_attached()
    expect(page.get_by_label("Select welcome-mail job-3")).to_be_checked()
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("half a wo")
    assert page.evaluate("window.scrollY") > 100


def test_the_page_is_refreshed_every_five_seconds_by_its_own_clock(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=waiting")
    asked = """() => performance.getEntriesByType("resource")
        .filter(entry => entry.initiatorType === "xmlhttprequest").map(entry => entry.startTime)"""
    while len(times := page.evaluate(asked)) < 4:
        page.wait_for_timeout(1000)
    gaps = [after - before for before, after in pairwise([0, *times])][1:]
    assert all(4700 <= gap <= 5300 for gap in gaps), gaps


def test_the_first_refresh_after_an_action_comes_soon(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=waiting")
    page.evaluate("localStorage.setItem('interval', '60')")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("[data-toast]")).to_be_visible()
    with page.expect_request(
        lambda request: request.method == "GET" and "state=waiting" in request.url, timeout=20_000
    ):
        pass
    page.evaluate("localStorage.removeItem('interval')")


def test_an_open_panel_stays_open(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="watched")
    page = visit("/admin/jobs/email/watched")
    page.get_by_text("All options").click()
    empty.queue().set_priority("watched", 9)
    hurry(page)
    expect(page.locator(".facts")).to_contain_text("9", timeout=REFRESHED)
    assert page.locator("#options").evaluate("panel => panel.open")


def test_the_page_says_how_old_it_is_and_live_can_be_switched_off(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=waiting")
    expect(page.locator("#updated")).to_have_text(re.compile(r"Updated [1-9]\d* s ago"))
    page.locator("body").press("l")
    expect(page.locator("#updated")).to_have_text("Live off")
    empty.enqueue(1, job_id="unseen")
    hurry(page)
    page.wait_for_timeout(2500)
    expect(page.get_by_label("Select welcome-mail unseen")).to_have_count(0)
    page.reload()
    expect(page.locator("#updated")).to_have_text("Live off")
    page.get_by_role("button", name="Live").click()
    empty.enqueue(2, job_id="seen")
    hurry(page)
    expect(page.get_by_label("Select welcome-mail seen")).to_be_attached(timeout=REFRESHED)


def test_a_hidden_tab_asks_for_nothing_and_catches_up_when_it_is_seen_again(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=waiting")
    # A browser without a screen takes every tab for visible.
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away}); window.away = true")
    asked: list[str] = []
    # The browser may still be fetching the icon of a page that just opened; what counts is what the page asks for.
    page.on("request", lambda request: asked.append(request.url) if request.resource_type in ("fetch", "xhr") else None)
    hurry(page)
    empty.enqueue(1, job_id="meanwhile")
    page.wait_for_timeout(2500)
    assert asked == []
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_label("Select welcome-mail meanwhile")).to_be_attached()
    assert asked


def test_two_tabs_show_the_same_and_a_move_out_of_turn_is_explained(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="shared", delay=3600)
    first = visit("/admin/jobs/email/shared")
    second = first.context.new_page()
    second.goto("/admin/jobs/email/shared")
    first.get_by_role("button", name="Run now").click()
    expect(first.locator("#toasts")).to_contain_text("as soon as a worker is free")
    second.get_by_role("button", name="Run now").click()
    expect(second.locator("#toasts")).to_contain_text("No longer possible")


def test_a_session_that_ended_leads_to_sign_in_and_back_to_the_same_page(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=failed")
    end_session(page)
    hurry(page)
    page.wait_for_url("**/login**", timeout=REFRESHED)
    sign_in(page)
    page.wait_for_url("**/admin/jobs/email?state=failed")


def test_a_button_pressed_after_the_session_ended_leads_to_sign_in(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/workers")
    page.goto("/admin/jobs/email")
    page.get_by_role("button", name="Live").click()
    end_session(page)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url("**/login**")
    sign_in(page)
    page.wait_for_url("**/admin/jobs/email")


def test_the_keyboard_sheet_opens_and_closes(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/")
    page.locator("body").press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next, previous row")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/admin/workers")
