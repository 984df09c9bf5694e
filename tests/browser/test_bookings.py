"""A booking from the list to its confirmation, with script and without."""

import pytest
from playwright.sync_api import Page, expect

from gnb.models import Booking, db, now
from gnb.services.bookings.booking import book
from gnb.services.bookings.request import BookingRequestSchema
from tests.browser.conftest import Visit
from tests.browser.stage import SUPPORT, Stage
from tests.browser.test_every_page import AXE, RUN_AXE
from tests.business import booking_data, make_tour

LINKS = ".job-link[href^='/admin/bookings/']"


@pytest.fixture
def reference(stage: Stage) -> str:
    """A booking that waits for its confirmation."""
    with stage.app.app_context():
        return book(BookingRequestSchema().load(booking_data(make_tour(category="city")))).reference


def status_of(stage: Stage, reference: str) -> str:
    with stage.app.app_context():
        return db.session.query(Booking.status).filter_by(reference=reference).scalar()


def open_booking(page: Page, reference: str) -> None:
    page.get_by_role("searchbox", name="Search by reference, e-mail or name").fill(reference.lower())
    page.get_by_role("button", name="Show").click()
    expect(page.locator(LINKS)).to_have_count(1)
    page.get_by_role("link", name=reference).click()
    expect(page.get_by_role("heading", name=reference)).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_booking_is_found_and_confirmed(stage: Stage, visit: Visit, reference: str, javascript: bool) -> None:
    page = visit("/admin/bookings", javascript=javascript)
    open_booking(page, reference)
    page.get_by_role("link", name="Confirm", exact=True).click()
    expect(page.get_by_text(f"Confirm booking {reference}?")).to_be_visible()
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_text(f"Booking {reference}: confirmed.")).to_be_visible()
    expect(page.get_by_role("link", name="Mark as paid")).to_be_visible()
    expect(page.get_by_role("link", name="booking confirmation")).to_have_count(2)
    assert status_of(stage, reference) == "confirmed"


def test_what_is_listed_is_exported_by_one_button(stage: Stage, visit: Visit, reference: str) -> None:
    page = visit("/admin/bookings?status=pending")
    expect(page.locator(LINKS).first).to_be_visible()
    page.get_by_role("button", name="Export these").click()
    page.wait_for_url("**/admin/exports**")
    expect(page.get_by_text("Bookings, CSV is being generated.")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("status pending")


def test_a_wrong_filter_is_marked_for_everyone(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/bookings?status=lost")
    expect(page.get_by_text("'lost' is none of")).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE) == []


def test_a_reader_sees_a_booking_and_no_button(stage: Stage, visit: Visit, reference: str) -> None:
    page = visit("/admin/bookings", as_=SUPPORT)
    expect(page.get_by_role("button", name="Export these")).to_have_count(0)
    open_booking(page, reference)
    expect(page.get_by_role("link", name="Confirm", exact=True)).to_have_count(0)


def test_a_tour_is_written_by_its_form(stage: Stage, visit: Visit) -> None:
    page = visit("/admin/tours/new", javascript=False)
    title = f"Troy in a day {now():%H%M%S%f}"
    fields = {"Title in English": title, "Title in Turkish": "Truva", "Description in English": "Walls.",
              "Description in Turkish": "Surlar.", "City": "Çanakkale", "From where": "Truva", "To where": "Truva",
              "Minutes": "480"}  # fmt: skip
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Fill this in.")).to_have_count(1)
    page.get_by_label("Base price", exact=True).fill("38.50")
    page.get_by_label("On sale").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Tour created.")).to_be_visible()
    expect(page.get_by_role("row", name=title)).to_contain_text("€38.50")
