"""Pictures of every page with demo data on a stage: `bin/screenshots [FOLDER]`."""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import Browser, Page, sync_playwright

from gnb.config import ROOT
from gnb.extensions import db, engine
from gnb.jobs.scheduled import SCHEDULES
from gnb.models import Tour, User, local_day, now
from gnb.services import demo
from gnb.services.accounts import passwords
from gnb.services.ai import delay_risk, lookups
from gnb.services.ai.requests import DelayRiskRequest
from gnb.services.bookings.booking import book
from gnb.services.bookings.request import BookingRequestSchema
from gnb.services.bookings.status import set_status
from gnb.services.bookings.tours import tour_of_slug
from tests.browser.conftest import NO_SANDBOX, chromium_program, sign_in
from tests.browser.shop import CUSTOMER
from tests.browser.stage import ADMIN, PASSWORD, Stage
from tests.business import booking_data, make_booking, make_user

PAGES = {
    "overview": "/admin/",
    "acknowledge": "/admin/alerts/acknowledge?key=no_workers:ai",
    "notifications": "/admin/notifications",
    "queues": "/admin/jobs",
    "search": "/admin/jobs?q=welcome",
    "queue-active": "/admin/jobs/email?state=active",
    "queue-waiting": "/admin/jobs/ai?state=waiting",
    "queue-completed": "/admin/jobs/email?state=completed&hours=24",
    "queue-delayed": "/admin/jobs/email?state=delayed",
    "queue-failed": "/admin/jobs/email?state=failed",
    "queue-nothing-found": "/admin/jobs/email?state=failed&q=no-such-word",
    "failures": "/admin/jobs/email/failures",
    "job-failed": "/admin/jobs/email/welcome-1001",
    "job-running": "/admin/jobs/email/welcome-2001",
    "job-edit": "/admin/jobs/email/welcome-1001/edit",
    "job-remove": "/admin/jobs/email/welcome-1001/remove",
    "job-gone": "/admin/jobs/email/no-such-job",
    "retry-all": "/admin/jobs/retry",
    "job-type": "/admin/jobs/email/types/welcome-mail",
    "new-job": "/admin/jobs/export/new",
    "new-mail": "/admin/jobs/email/new?type=booking-confirmation",
    "drain": "/admin/jobs/email/drain",
    "clean": "/admin/jobs/email/clean",
    "workers": "/admin/workers",
    "broker": "/admin/broker",
    "schedules": "/admin/schedules",
    "schedule": "/admin/schedules/process-campaigns",
    "schedule-edit": "/admin/schedules/process-campaigns/edit",
    "schedule-remove": "/admin/schedules/process-campaigns/remove",
    "schedule-new": "/admin/new-schedule",
    "pricing": "/admin/pricing",
    "campaigns": "/admin/campaigns",
    "campaign": "/admin/campaigns/1",
    "campaign-edit": "/admin/campaigns/1/edit",
    "campaign-send": "/admin/campaigns/1/send",
    "campaign-new": "/admin/campaigns/new",
    "emails": "/admin/emails",
    "email": "/admin/emails/1",
    "insights": "/admin/insights",
    "exports": "/admin/exports",
    "bookings": "/admin/bookings",
    "booking": "/admin/bookings/3001",
    "booking-edit": "/admin/bookings/3001/edit",
    "booking-transfer": "/admin/bookings/3001/transfer",
    "booking-cancel": "/admin/bookings/3001/status/cancelled",
    "booking-new": "/admin/bookings/new",
    "transfers": "/admin/transfers",
    "transfers-import": "/admin/transfers/import",
    "tours": "/admin/tours",
    "tour": "/admin/tours/1/edit",
    "tour-new": "/admin/tours/new",
    "extras": "/admin/extras",
    "extra-new": "/admin/extras/new",
    "users": "/admin/users",
    "user": "/admin/users/1",
    "user-erase": "/admin/users/2/erase",
    "audit": "/admin/audit",
    "not-found": "/no-such-page",
}
OF_A_VISITOR = {
    "site-home": "/",
    "site-search": "/tours?from=IST",
    "site-nothing-found": "/tours?q=Antarctica",
    "site-tour": "/tours/ist-fatih",
    "site-book": "/tours/ist-fatih/book?passengers=2",
    "site-find-booking": "/find-booking",
    "site-register": "/register",
    "forgot-password": "/forgot-password",
    "sign-in": "/login",  # last, since the pages of an admin begin there
}
REFERENCE = "GNB-7K3M9-Q2XTD"
OF_A_CUSTOMER = {
    "site-booking": f"/bookings/{REFERENCE}?made=1",
    "site-my-bookings": "/my/bookings",
    "site-settings": "/my/settings",
    "site-password": "/account/password",
}
# A traceback names the folder that it ran in, which is nobody's business.
SHORTEN_PATHS = """folder => document.querySelectorAll(".code").forEach(
  code => { code.textContent = code.textContent.replaceAll(folder, ""); })"""
LOOKS = {
    "wide-light": (1440, "light"),
    "wide-dark": (1440, "dark"),
    "narrow-light": (390, "light"),
    "narrow-dark": (390, "dark"),
}


def main(folder: Path) -> None:
    """Set the stage, take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gnb-") as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=NO_SANDBOX)
        stage = Stage(Path(place)).start()
        try:
            play(stage)
            for name, (width, theme) in LOOKS.items():
                take(browser, stage, folder, name, width, theme)
            stage.broker.stop()
            look(browser, stage, folder / "broker-away-wide-light.png", "/admin/", 1440, "light")
        finally:
            stage.stop()
            browser.close()


def play(stage: Stage) -> None:
    """Fill the stage: bookings, finished and failed and running and waiting jobs, exports, changes."""
    with stage.app.app_context():
        engine().schedules.sync(SCHEDULES)
        demo.load(3000, 1, local_day(now()), None, progress=lambda _done: None)
        add_booking()
        add_customer()
    for booking in range(60):
        stage.enqueue(booking)
    for booking in range(14):
        stage.enqueue(1000 + booking, "bad", attempts=3, job_id=f"welcome-{1000 + booking}")
    for booking in range(3):
        stage.enqueue(1100 + booking, "worse")
    stage.start_workers("email", "email", "email", "export", "scheduled")
    stage.until(lambda: stage.queue().jobs("failed").total == 17 and stage.queue().jobs("waiting").total == 0, 60)
    for booking in range(2):
        stage.enqueue(2001 + booking, "slow", job_id=f"welcome-{2001 + booking}")
    for booking in range(5):
        stage.enqueue(3000 + booking, delay=900 * (booking + 1))
    stage.until(lambda: stage.queue().jobs("active").total == 2)


def add_booking() -> None:
    """A booking as the form makes it, confirmed, its risk of a delay found."""
    tour = tour_of_slug("ist-fatih")
    data = booking_data(tour, time="17:30", flightNumber="TK1984", notes="Two large bags; we come out at gate 13.")
    booking = book(BookingRequestSchema().load(data))
    set_status(booking, "confirmed", db.session.query(User).filter_by(email=ADMIN).one())
    asked = DelayRiskRequest().load(lookups.delay_risk_request(booking, "en"))
    lookups.cache(lookups.DELAY_RISK, asked, delay_risk.assess(asked))


def add_customer() -> None:
    """Somebody who has travelled before and is about to travel again."""
    customer = make_user(email=CUSTOMER, name="Ayşe Yılmaz", password_hash=passwords.hash_password(PASSWORD))
    query = sa.select(Tour).where(Tour.active, Tour.category.in_(("airport", "city"))).order_by(Tour.id)
    tours = db.session.scalars(query.limit(4))
    for number, tour in enumerate(tours):
        make_booking(
            tour,
            reference=REFERENCE if number == 0 else f"GNB-7K3M9-Q2XT{number}",
            user=customer,
            customer_email=CUSTOMER,
            status="pending" if number == 0 else "completed",
            amount=tour.base_price,
            pickup_at=now() + timedelta(days=20 - 40 * number),
        )


def take(browser: Browser, stage: Stage, folder: Path, look_name: str, width: int, theme: str) -> None:
    """One look at every page."""
    page = open_page(browser, stage, width, theme)
    take_each(page, folder, look_name, OF_A_VISITOR)
    sign_in(page)
    if look_name == "wide-light":
        ask_for_exports(page)
    take_each(page, folder, look_name, PAGES)
    page.context.close()
    page = open_page(browser, stage, width, theme)
    sign_in(page, CUSTOMER)
    take_each(page, folder, look_name, OF_A_CUSTOMER)
    page.context.close()


def take_each(page: Page, folder: Path, look_name: str, paths: dict[str, str]) -> None:
    """One look at each of the pages."""
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate(SHORTEN_PATHS, f"{ROOT}/")
        page.screenshot(path=folder / f"{name}-{look_name}.png", full_page=True)


def look(browser: Browser, stage: Stage, file: Path, path: str, width: int, theme: str) -> None:
    """One picture of one page."""
    page = open_page(browser, stage, width, theme)
    sign_in(page)
    page.goto(path)
    page.screenshot(path=file, full_page=True)
    page.context.close()


def ask_for_exports(page: Page) -> None:
    """Two exports by their form, and a pause and its undo, for the audit."""
    for kind in ("revenue-csv", "bookings-csv"):
        page.goto(f"/admin/exports?type={kind}")
        page.get_by_role("button", name="Export").click()
        page.locator("[data-toast]").first.wait_for()
    page.locator("tbody tr a:has-text('Download')").nth(1).wait_for(timeout=60_000)
    page.goto("/admin/jobs/ai")
    page.get_by_role("button", name="Pause").click()
    page.locator("[data-toast]").first.wait_for()


def open_page(browser: Browser, stage: Stage, width: int, theme: str) -> Page:
    """The sign-in page, seen by a new visitor."""
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 600 else 844},
        color_scheme=theme,  # type: ignore[arg-type]
        locale="en-GB",
        base_url=stage.url,
    )
    page = context.new_page()
    page.goto("/login")
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1]))
