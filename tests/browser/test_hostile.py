"""A payload that means harm is shown, and does none."""

import json
import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage

PAYLOAD = (
    "<script>window.harmed = true</script>"
    '<img src=x onerror="window.harmed = true">'
    "{{ 7 * 7 }} ${7 * 7} \u202eevil\u202c \u2066\u0007 '\"--"
)


def test_markup_direction_marks_and_long_texts_are_only_text(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, note=PAYLOAD, job_id="hostile")
    empty.enqueue(2, note="x" * 100_000, job_id="long")
    page = visit("/admin/jobs/email?state=waiting")
    for path in ("/admin/jobs/email?state=waiting", "/admin/jobs/email/hostile", "/admin/jobs/email/hostile/edit"):
        page.goto(path)
        expect(page.locator("body")).to_contain_text("<script>") if "edit" not in path else None
        assert page.evaluate("window.harmed") is None
    page.goto("/admin/jobs/email/hostile")
    shown = page.locator(".code").first.inner_text()
    assert "\\u202e" in shown and "\u202e" not in shown
    assert page.complaints == []  # type: ignore[attr-defined]
    page.goto("/admin/jobs/email/long")
    assert len(page.content()) < 80_000


def test_a_search_for_markup_is_only_text(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email?state=waiting&q=%3Cscript%3Ewindow.harmed=1%3C/script%3E%E2%80%AE")
    assert page.evaluate("window.harmed") is None
    expect(page.get_by_role("searchbox").first).to_have_value(re.compile("^<script>"))


def test_data_that_is_not_text_is_shown_as_question_marks(empty: Stage, visit: Visit) -> None:
    job = empty.enqueue(3, job_id="bytes")
    data = json.dumps(["tests.browser.page_jobs.welcome_mail", None, [], {"booking": 3, "note": "lone \ud800 half"}])
    with empty.app.app_context():
        empty.queue().broker.client.hset(f"rq:job:{job.id}", "data", data.encode())
        empty.queue().broker.client.hset(f"rq:job:{job.id}", "error", b"\xff\xfe broken")
    page = visit("/admin/jobs/email/bytes")
    expect(page.get_by_label("Data").locator(".code")).to_contain_text("lone ? half")
    expect(page.get_by_label("Error").locator(".code")).to_contain_text("broken")


def test_nobody_is_sent_to_another_site(empty: Stage, visit: Visit) -> None:
    page = visit("/login?next=https://evil.example/")
    assert page.url.startswith(empty.url)
    page.goto("/login?next=//evil.example/")
    assert page.url.startswith(empty.url)
