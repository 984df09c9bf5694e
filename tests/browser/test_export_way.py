"""The whole way of an export: sign in, ask for it, watch it, have the file."""

import csv
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import ADMIN, SUPPORT, Stage


def test_an_admin_asks_for_an_export_watches_it_and_downloads_the_right_file(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/exports?type=users-csv")
    page.get_by_role("checkbox", name="administrator", exact=True).check()
    page.get_by_role("button", name="Export").click()
    expect(page.locator("#toasts")).to_contain_text("Users, CSV is being generated")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("waiting")
    empty.start_workers("export")
    download_link = row.get_by_role("link", name="Download")
    expect(download_link).to_be_visible(timeout=30_000)
    with page.expect_download() as download:
        download_link.click()
    with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["User ID", "Name", "Email", "Role", "Language", "Registered At"]
    assert [row[2] for row in rows[1:]] == [ADMIN]
    empty.stop_workers()


def test_an_end_before_the_start_is_said_at_the_field(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/exports?type=bookings-csv")
    page.get_by_label("From", exact=True).fill("2026-02-01")
    page.get_by_label("To", exact=True).fill("2026-01-01")
    page.get_by_role("button", name="Export").click()
    expect(page.locator(".error-text")).to_contain_text("is before the start")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")


def test_with_the_broker_away_the_export_is_made_at_once(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/exports?type=users-csv")
    stage.broker.stop()
    page.get_by_role("button", name="Export").click()
    expect(page.locator("#toasts")).to_contain_text("the export ran inline", timeout=20_000)
    stage.broker.start()


def test_who_may_only_read_gets_no_file(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/exports", as_=SUPPORT)
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    assert page.request.get("/admin/exports/any/download").status == 403
