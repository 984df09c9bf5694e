"""What people do to jobs and queues, by mouse and by keyboard."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.stage import SUPPORT, Stage
from tests.business import make_campaign


def toast(page: Page, text: str) -> None:
    """Wait for the message."""
    expect(page.locator("#toasts")).to_contain_text(text)


def fail_some(stage: Stage, bookings: int) -> None:
    """Let so many jobs fail, with the ids `bad-0`, `bad-1` …"""
    for booking in range(bookings):
        stage.enqueue(booking, "worse", job_id=f"bad-{booking}")
    stage.start_workers("email")
    stage.until(lambda: stage.queue().jobs("failed").total == bookings)
    stage.stop_workers()


def test_a_queue_is_paused_and_the_toast_undoes_it(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email")
    page.get_by_role("button", name="Pause").click()
    toast(page, "email paused")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    toast(page, "email resumed")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_every_queue_is_paused_and_resumed_from_the_overview(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/")
    page.get_by_role("button", name="Pause all").click()
    toast(page, "4 queues paused")
    page.get_by_role("button", name="Resume all").click()
    toast(page, "4 queues resumed")


def test_a_failed_job_is_retried_by_keyboard_alone(empty: Stage, visit: Visit) -> None:
    fail_some(empty, 1)
    page = visit("/admin/jobs/email?state=failed")
    page.locator("body").press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/jobs/email/bad-0")
    page.get_by_role("button", name="Retry").focus()
    page.keyboard.press("Enter")
    toast(page, "Job requeued")
    assert empty.queue().job("bad-0").state == "waiting"


def test_selected_rows_are_retried_after_one_question_that_names_their_number(empty: Stage, visit: Visit) -> None:
    fail_some(empty, 3)
    page = visit("/admin/jobs/email?state=failed")
    page.get_by_label("Select welcome-mail bad-0").check()
    page.get_by_label("Select welcome-mail bad-2").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Retry selected").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Retry 2 jobs?")
    dialog.get_by_role("button", name="Retry").click()
    toast(page, "2 jobs requeued")
    assert empty.queue().jobs("failed").total == 1


def test_rows_are_selected_by_keyboard_and_removed(empty: Stage, visit: Visit) -> None:
    fail_some(empty, 3)
    page = visit("/admin/jobs/email?state=failed")
    page.locator("body").press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="Remove selected").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Remove 1 job?")
    dialog.get_by_role("button", name="Remove").press("Enter")
    toast(page, "1 job removed")
    assert empty.queue().jobs("failed").total == 2


def test_all_that_match_a_search_are_removed(empty: Stage, visit: Visit) -> None:
    for booking in (11, 12, 77):
        empty.enqueue(booking, note="keep" if booking == 77 else "throw away")
    page = visit("/admin/jobs/email?state=waiting")
    page.locator("body").press("/")
    page.keyboard.type("throw away")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=throw+away**")
    page.get_by_role("button", name="Remove all that match").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Remove 2 jobs?")
    dialog.get_by_role("button", name="Remove").click()
    toast(page, "2 jobs removed")
    assert [job.data["booking"] for job in empty.queue().jobs("waiting").jobs] == [77]


def test_a_question_answered_with_no_changes_nothing(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1)
    page = visit("/admin/jobs/email")
    page.get_by_role("link", name="Drain…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Drain email?")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert empty.queue().jobs("waiting").total == 1


def test_a_queue_is_drained_after_the_numbers_were_seen(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1)
    empty.enqueue(2, delay=3600)
    page = visit("/admin/jobs/email")
    page.get_by_role("link", name="Drain…").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove 2 jobs").click()
    toast(page, "2 jobs removed")


def test_completed_jobs_are_cleaned(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="done")
    empty.start_workers("email")
    empty.until(lambda: empty.queue().job("done").state == "completed")
    empty.stop_workers()
    page = visit("/admin/jobs/email?state=completed")
    page.get_by_role("link", name="Clean…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 completed and 0 failed jobs are kept")
    dialog.get_by_label("Finished before").select_option("0")
    dialog.get_by_role("button", name="Count them…").click()
    expect(dialog).to_contain_text("Remove 1 job?")
    dialog.get_by_role("button", name="Remove 1 job").click()
    toast(page, "1 job removed")


def test_a_delayed_job_runs_now(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="later", delay=3600)
    page = visit("/admin/jobs/email/later")
    page.get_by_role("button", name="Run now").click()
    toast(page, "as soon as a worker is free")
    assert empty.queue().job("later").state == "waiting"


def test_a_priority_is_changed_and_changed_back(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="first")
    page = visit("/admin/jobs/email/first")
    page.get_by_label("Move to priority").select_option("1")
    page.get_by_role("button", name="Move").click()
    toast(page, "Priority changed to 1")
    page.get_by_role("button", name="Undo").click()
    toast(page, "Priority changed to 3")


def test_a_failure_that_happened_often_is_one_row_and_is_retried_as_one(empty: Stage, visit: Visit) -> None:
    fail_some(empty, 4)
    page = visit("/admin/jobs/email/failures")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Retry…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Retry 4 failed jobs?")
    dialog.get_by_role("button", name="Retry").click()
    toast(page, "4 jobs requeued")


def test_a_running_job_is_stopped_from_the_workers_page(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, "slow", job_id="endless", attempts=1)
    empty.start_workers("email")
    empty.until(lambda: empty.queue().job("endless").state == "active")
    page = visit("/admin/workers")
    page.get_by_role("link", name="Stop its job…").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop 1 job").click()
    toast(page, "Stopping the job")
    empty.until(lambda: empty.queue().job("endless").state == "failed")


def test_a_new_job_is_made_from_its_schema_and_errors_stand_at_their_fields(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email/new?type=welcome-mail")
    page.locator("form.card").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Enqueue").click()
    expect(page.get_by_text("Missing data for required field.")).to_be_visible()
    page.get_by_label("Booking").fill("4711")
    page.get_by_label("Ending").select_option("good")
    page.get_by_role("button", name="Enqueue").click()
    toast(page, "welcome-mail enqueued")
    job = empty.queue().jobs("waiting").jobs[0]
    assert (job.data["booking"], job.data["ending"]) == (4711, "good")


def test_an_old_job_is_edited_and_enqueued_again(empty: Stage, visit: Visit) -> None:
    fail_some(empty, 1)
    page = visit("/admin/jobs/email/bad-0")
    page.get_by_role("link", name="Edit and enqueue again").click()
    page.get_by_label("Ending").select_option("good")
    page.get_by_role("button", name="Enqueue").click()
    toast(page, "welcome-mail enqueued")
    assert empty.queue().jobs("waiting").jobs[0].data["ending"] == "good"
    assert empty.queue().job("bad-0").state == "failed"


def test_the_newest_error_is_seen_first_with_every_attempt_in_the_timeline(empty: Stage, visit: Visit) -> None:
    empty.enqueue(5, "bad", job_id="unlucky", attempts=3)
    empty.start_workers("email")
    empty.until(lambda: empty.queue().job("unlucky").state == "failed")
    empty.stop_workers()
    page = visit("/admin/jobs/email/unlucky")
    expect(page.locator("details[open] summary").first).to_contain_text("Attempt 3")
    expect(page.locator(".timeline li")).to_have_text(
        [re.compile("Created"), re.compile("Attempt 1"), re.compile("Attempt 2"), re.compile("Attempt 3")]
    )


def test_who_may_only_read_sees_no_button_that_would_refuse(empty: Stage, visit: Visit) -> None:
    empty.enqueue(1, job_id="readable")
    page = visit("/admin/", as_=SUPPORT)
    for path in ("/admin/", "/admin/jobs", "/admin/jobs/email", "/admin/jobs/email/readable", "/admin/workers"):
        page.goto(path)
        expect(page.locator("main form[method=post]")).to_have_count(0)
        expect(page.locator("main [hx-get]")).to_have_count(0)
    token = page.locator("input[name=csrf_token]").first.input_value()
    assert page.request.post("/admin/jobs/email/pause", form={"csrf_token": token}).status == 403
    assert page.request.get("/admin/jobs/email/drain").status == 403


def test_each_change_is_in_the_audit(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/jobs/email")
    page.get_by_role("button", name="Pause").click()
    toast(page, "email paused")
    page.goto("/admin/audit?action=queue.")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Ayşe Yılmaz")
    expect(row).to_contain_text("queue.pause")


def test_a_campaign_comes_into_force_after_one_question(stage: Stage, visit: Visit) -> None:
    with stage.app.app_context():
        url = f"/admin/campaigns/{make_campaign(state='draft').id}"
    page = visit(url)
    page.get_by_role("link", name="Activate…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("No mail goes out")
    dialog.get_by_role("button", name="Activate").click()
    toast(page, "Prices are updated")
    expect(page.get_by_role("link", name="End it…")).to_be_visible()


def test_the_sheet_of_keys_is_opened_by_its_button(empty: Stage, visit: Visit) -> None:
    page = visit("/admin/")
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog")).to_contain_text("next, previous row")
