"""The broker or the server is away: no page breaks, and all comes back by itself."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage

BACK = 40_000
PAGES = ["/admin/", "/admin/jobs", "/admin/jobs/email", "/admin/jobs/email/any-job", "/admin/workers"]


@pytest.fixture
def brokerless(stage: Stage) -> Iterator[Stage]:
    """The stage with its broker stopped; it is started again at the end."""
    stage.broker.stop()
    yield stage
    stage.broker.start()


def test_pages_say_that_the_broker_is_away_and_what_to_do(brokerless: Stage, visit: Visit) -> None:
    page = visit("/admin/exports")
    for path in PAGES:
        answer = page.goto(path)
        assert answer is not None and answer.status == 503
        expect(page.get_by_role("heading", name="The broker is unreachable")).to_be_visible()
    for path in ("/admin/exports", "/admin/audit"):
        answer = page.goto(path)
        assert answer is not None and answer.status == 200


def test_an_open_page_keeps_its_figures_and_comes_back_by_itself(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email")
    stage.broker.stop()
    banner = page.locator("#connection")
    expect(banner).to_contain_text("The broker is unreachable", timeout=BACK)
    expect(page.get_by_role("heading", name="email")).to_be_visible()
    stage.broker.start()
    expect(banner).to_be_hidden(timeout=BACK)


def test_a_button_pressed_meanwhile_changes_nothing_and_says_so(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email")
    stage.broker.stop()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#connection")).to_contain_text("The broker is unreachable", timeout=BACK)
    stage.broker.start()
    expect(page.locator("#connection")).to_be_hidden(timeout=BACK)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_an_open_page_says_when_the_server_is_away(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/workers")
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("The server is unreachable", timeout=BACK)
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_hidden(timeout=BACK)
