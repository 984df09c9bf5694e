"""Jobs that depend on others, as their pages show them."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.test_actions import toast
from tests.browser.test_live import REFRESHED, hurry


def test_a_jobs_page_shows_who_is_before_and_after_it_and_their_states_live(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="first")
    empty.enqueue(2, job_id="middle", depends_on="first")
    empty.enqueue(3, job_id="last", depends_on="middle")
    page = visit("/admin/jobs/email/middle")
    before, after = page.get_by_role("list", name="Runs after"), page.get_by_role("list", name="Followed by")
    expect(before).to_contain_text("waiting")
    expect(after).to_contain_text("deferred")
    expect(page.get_by_text("Deferred until 1 job has completed.")).to_be_visible()
    empty.start_workers("email")
    hurry(page)
    expect(before).to_contain_text("completed", timeout=REFRESHED)
    expect(after).to_contain_text("completed", timeout=REFRESHED)
    empty.stop_workers()
    after.get_by_role("link", name="welcome-mail").click()
    page.wait_for_url("**/admin/jobs/email/last")


def test_a_deferred_job_says_that_it_waits_for_a_failed_one_and_runs_without_it(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, "worse", job_id="bad")
    empty.enqueue(2, job_id="waits", depends_on="bad")
    empty.start_workers("email")
    empty.until(lambda: empty.queue().job("bad").state == "failed")
    empty.stop_workers()
    page = visit("/admin/jobs/email")
    page.get_by_role("link", name="Deferred 1").click()
    page.get_by_role("link", name="welcome-mail").click()
    expect(page.get_by_text("A job that this one waits for failed.")).to_be_visible()
    page.get_by_role("button", name="Run without waiting").click()
    toast(page, "Job promoted")
    assert empty.queue().job("waits").state == "waiting"
    page.goto(page.url.replace("/waits", "?state=waiting"))
    expect(page.get_by_role("link", name="Deferred")).to_have_count(0)


def test_selected_deferred_jobs_are_removed(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="first")
    for booking in range(2):
        empty.enqueue(booking, job_id=f"waits-{booking}", depends_on="first")
    page = visit("/admin/jobs/email?state=deferred")
    page.get_by_label("Select welcome-mail waits-0").check()
    page.get_by_role("button", name="Remove selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    toast(page, "1 job removed")
    assert [job.id for job in empty.queue().jobs("deferred").jobs] == ["waits-1"]
