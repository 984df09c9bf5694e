"""The page of the API's document, in a browser that obeys the security policy."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser


def test_the_page_shows_every_endpoint_with_nothing_from_elsewhere(stage: Stage, visit: Visit) -> None:
    page = visit("/api/docs", as_=None)
    page.wait_for_selector("[data-path='/api/v1/admin/jobs/stats']")

    assert page.locator(".opblock").count() > 20
    assert page.complaints == []  # type: ignore[attr-defined]
    addresses = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [address for address in addresses if not address.startswith((stage.url, "data:"))] == []


def test_an_endpoint_opens_with_its_answers(visit: Visit) -> None:
    page = visit("/api/docs", as_=None)
    page.click("#operations-jobs-api-post_api_v1_admin_jobs__queue__clean button, [id*='clean'] button")
    page.wait_for_selector(".opblock.is-open .response")
    assert page.locator(".opblock.is-open .response").count() > 5
