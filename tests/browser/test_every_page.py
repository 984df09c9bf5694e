"""What holds for every page: nothing for axe-core to find, no sideways scroll, nothing that the browser refuses."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from gnb.extensions import db, engine
from gnb.models import now
from gnb.queueing import Schedule
from gnb.services import email_service
from tests.browser.conftest import Visit
from tests.browser.shop import CUSTOMER, open_shop, public_pages
from tests.browser.stage import ADMIN, DRIVER, Stage
from tests.business import make_booking, make_campaign, make_tour, make_user

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RUN_AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const said = node => node.target.join(" ") + " " + node.failureSummary;
  return found.violations.map(violation => violation.id + ": " + violation.nodes.map(said).join(" | "));
}"""
BOOK = "/tours/ist-fatih/book?passengers=3"
PAGES = [
    "/admin/",
    "/admin/jobs",
    "/admin/jobs?q=nothing",
    "/admin/jobs?q=welcome",
    "/admin/notifications",
    "/admin/alerts/acknowledge?key=no_workers:export",
    "/admin/jobs/email?state=active",
    "/admin/jobs/email?state=waiting",
    "/admin/jobs/email?state=delayed",
    "/admin/jobs/email?state=failed",
    "/admin/jobs/email?state=completed",
    "/admin/jobs/email?state=failed&q=no-such-word",
    "/admin/jobs/email?hours=24",
    "/admin/jobs/ai",
    "/admin/jobs/email/failures",
    "/admin/jobs/email/job-done",
    "/admin/jobs/email/job-bad",
    "/admin/jobs/email/job-slow",
    "/admin/jobs/email/job-later",
    "/admin/jobs/email/job-bad/edit",
    "/admin/jobs/email/types/welcome-mail",
    "/admin/jobs/email/new?type=welcome-mail",
    "/admin/jobs/export/new",
    "/admin/jobs/email/drain",
    "/admin/jobs/email/clean",
    "/admin/jobs/email/job-bad/remove",
    "/admin/jobs/email/job-done/run-again",
    "/admin/jobs/email/new?type=booking-confirmation",
    "/admin/jobs/retry",
    "/admin/workers",
    "/admin/broker",
    "/admin/schedules",
    "/admin/schedules/nightly",
    "/admin/schedules/nightly/edit",
    "/admin/schedules/nightly/remove",
    "/admin/new-schedule",
    "/admin/pricing",
    "/admin/campaigns",
    "/admin/campaigns/1",
    "/admin/campaigns/1/edit",
    "/admin/campaigns/1/send",
    "/admin/campaigns/new",
    "/admin/emails",
    "/admin/emails?state=queued",
    "/admin/emails/1",
    "/admin/exports",
    "/admin/exports?type=users-csv",
    "/admin/insights",
    "/admin/insights?kind=package-recommendations",
    "/admin/insights?kind=batch-insights",
    "/admin/insights/insight",
    "/admin/insights/recommended",
    "/admin/bookings",
    "/admin/bookings?status=paid&q=nobody",
    "/admin/bookings/1",
    "/admin/bookings/2",
    "/admin/bookings/1/status/cancelled",
    "/admin/bookings/1/transfer",
    "/admin/bookings/1/edit",
    "/admin/bookings/new",
    "/admin/extras",
    "/admin/extras/new",
    "/admin/users",
    "/admin/users?q=nobody-like-it",
    "/admin/users/1",
    "/admin/users/1/erase",
    "/admin/transfers",
    "/admin/transfers?day=2026-01-01",
    "/admin/transfers/import",
    "/admin/tours",
    "/admin/tours?q=nothing-like-it",
    "/admin/tours/new",
    "/admin/tours/1/edit",
    "/admin/audit",
    "/admin/jobs/no-such-queue",
    "/admin/jobs/email/no-such-job",
    "/no-such-page",
]
OF_A_CUSTOMER = ["/my/bookings", "/my/bookings?page=2", "/my/settings", "/account/password"]


@pytest.fixture(scope="module")
def busy_stage(stage: Stage) -> Stage:
    """Jobs in every state, two bookings (one to come, one over), a campaign, a message, a schedule, an insight."""
    with stage.app.app_context():
        transfer = make_tour(name="Istanbul Airport to Fatih", origin="IST", destination="Fatih", category="airport")
        make_booking(transfer, status="pending", pickup_at=now() + timedelta(days=9), notes="<b>Late</b> " + "x" * 300)
        driver = make_user(email=DRIVER, name="Hakan Sürücü", role="driver")
        make_booking(transfer, pickup_at=now() - timedelta(minutes=30), driver=driver, vehicle="Vito, 34 GNB 100")
        make_booking(make_tour(category="city"), status="cancelled", customer_name="N" * 200)
        make_campaign(name="Spring " + "x" * 80)
        email_service.plan_email("ann@example.com", "About your booking", text="Hello")
        db.session.commit()
        engine().schedules.add(Schedule(name="nightly", type="clean-up", cron="0 3 * * *"))
        engine().queue("ai").enqueue("batch-insights", {"filters": {}}, job_id="insight")
        engine().queue("ai").enqueue("package-recommendations", {"userId": 1}, job_id="recommended")
    open_shop(stage)
    stage.enqueue(1, job_id="job-done")
    stage.enqueue(2, "bad", job_id="job-bad", attempts=2)
    stage.start_workers("email", "ai")
    stage.until(lambda: stage.queue().job("job-bad").state == "failed")
    stage.until(lambda: engine().queue("ai").jobs("completed").total == 2)
    stage.enqueue(3, "slow", job_id="job-slow")
    stage.until(lambda: stage.queue().job("job-slow").state == "active")
    for booking in range(30):
        stage.enqueue(10 + booking)
    stage.enqueue(4, job_id="job-later", delay=3600)
    return stage


def every_page(stage: Stage, visit: Visit, part: int) -> Iterator[tuple[Page, str]]:
    """One of three parts of all pages, one page after the other, as those see it who use it."""
    others = [
        (CUSTOMER, "/my/bookings", OF_A_CUSTOMER),
        (DRIVER, "/admin/transfers", ["/admin/transfers", "/admin/audit"]),
        (None, "/", public_pages(stage)),
    ]
    parts = [[(ADMIN, "/admin/", PAGES[::2])], [(ADMIN, "/admin/", PAGES[1::2])], others]
    for who, start, paths in parts[part]:
        page = visit(start, as_=who)
        for path in paths:
            page.goto(path)
            yield page, path


@pytest.mark.parametrize("part", range(3))
def test_every_page_passes_axe_in_both_themes_fits_a_phone_and_is_refused_nothing(
    busy_stage: Stage, visit: Visit, part: int
) -> None:
    """One walk for all, since loading the pages takes most of the time."""
    found, said, wide = {}, {}, {}
    for page, path in every_page(busy_stage, visit, part):
        page.evaluate(AXE)
        violations = page.evaluate(RUN_AXE)
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate(RUN_AXE)
        page.emulate_media(color_scheme="light")
        if violations:
            found[path] = violations
        page.set_viewport_size({"width": 390, "height": 844})
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            wide[path] = width
        page.set_viewport_size({"width": 1440, "height": 900})
        page.wait_for_load_state("networkidle")
        complaints = page.complaints  # type: ignore[attr-defined]
        # A page of an error has its error's status, which the browser tells too.
        if news := [text for text in complaints if "403" not in text and "404" not in text and "422" not in text]:
            said[path] = news
    assert (found, said, wide) == ({}, {}, {})


@pytest.mark.parametrize(("path", "as_"), [("/admin/jobs/email?state=waiting", ADMIN), ("/", None), (BOOK, None)])
def test_nothing_comes_from_another_host_and_the_first_load_is_small(
    busy_stage: Stage, visit: Visit, path: str, as_: str | None
) -> None:
    page = visit("/admin/" if as_ else "/no-such-page", as_=as_)
    hosts, sizes = set(), []
    page.on("response", lambda answer: (hosts.add(answer.url.split("/")[2]), sizes.append(len(answer.body()))))
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert hosts == {busy_stage.url.split("/")[2]}
    assert sum(sizes) < 150_000


@pytest.mark.parametrize(("path", "as_"), [("/admin/jobs/email?state=waiting", ADMIN), ("/", None), (BOOK, None)])
def test_a_page_does_not_move_while_it_loads(busy_stage: Stage, visit: Visit, path: str, as_: str | None) -> None:
    page = visit("/admin/" if as_ else "/no-such-page", as_=as_)
    page.add_init_script(
        "window.shift = 0;"
        "const add = list => list.getEntries().forEach(entry => { window.shift += entry.value; });"
        "new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") < 0.01
