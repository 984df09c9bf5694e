"""The search of the job pages finds by everything that people know of a job, and says how far it has searched."""

import csv
import io
import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.blueprints.admin import bulk, job_search
from gnb.extensions import db, engine
from gnb.models import Delivery
from gnb.queueing import search
from gnb.queueing.search import JobFilter, failure_key
from tests.business import make_booking, make_user
from tests.integration.api import probe
from tests.integration.test_alerts import failed
from tests.servers import on_sqlite
from tests.sessions import sign_in

pytestmark = on_sqlite
assert probe


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    sign_in(client, make_user(role="admin"))
    return client


def shown(page: str) -> list[str]:
    """The ids of the jobs that the table of a page shows."""
    return re.findall(r'<tr id="row-([^"]+)"', page)


def test_a_job_is_found_by_error_correlation_id_booking_reference_and_recipient(admin: FlaskClient) -> None:
    booking = make_booking()
    delivery = Delivery(kind="email", recipient="guest@gnb.example", booking_id=booking.id, content={"text": "x"})
    db.session.add(delivery)
    db.session.commit()
    queue, own = engine().queue("email"), f"delivery-{delivery.id}"
    by_delivery = queue.enqueue("send-email", {"deliveryId": delivery.id}).id
    by_booking = queue.enqueue("booking-confirmation", {"booking": {"id": booking.id}}).id
    queue.enqueue("send-email", {"deliveryId": delivery.id * 10 + 1})
    broken = failed("ConnectionError: no route to İzmir")
    engine().broker.client.hset(f"rq:job:{broken}", "meta", '{"correlation_id":"9f31c0"}')
    for text, state, ids in [
        ("guest@gnb.example", "waiting", [by_delivery, own]),
        (booking.reference.lower(), "waiting", [by_delivery, by_booking, own]),
        ("ROUTE TO IZMIR", "failed", [broken]),
        ("9f31c0", "failed", [broken]),
        (broken, "failed", [broken]),
        ("nothing has this", "waiting", []),
    ]:
        page = admin.get("/admin/jobs/email", query_string={"state": state, "q": text}).text
        assert sorted(shown(page)) == sorted(ids), text
    everywhere = admin.get("/admin/jobs?q=no+route").text
    assert broken in everywhere and "All jobs were searched." in everywhere
    assert admin.get(f"/admin/jobs?q={broken}").headers["Location"].endswith(f"/admin/jobs/email/{broken}")


def test_one_job_among_twenty_thousand_is_found_at_once(admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = engine().queue("email")
    for start in range(0, 20_000, 1000):
        queue.enqueue_many([("probe", {"number": number}, {}) for number in range(start, start + 1000)])
    wanted = queue.enqueue("probe", {"number": 987_654}).id
    found = queue.find("waiting", JobFilter(text="987654"), limit=50, seconds=30)
    assert (found.ids, found.total, found.cursor) == ([wanted], 20_001, None)
    sorted_jobs = queue.find("waiting", JobFilter(), limit=25, seconds=30, sort="-created")
    assert (sorted_jobs.ids[0], len(sorted_jobs.ids)) == (wanted, 20_001)


def test_a_search_that_is_not_over_says_how_far_it_is_and_never_that_nothing_matches(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_AT_ONCE", 10)
    monkeypatch.setattr(search.find, "__defaults__", (0, None, 0.0))
    monkeypatch.setattr(type(engine().queue("email")).find, "__defaults__", (0, None, 0.0))
    engine().queue("email").enqueue_many([("probe", {"number": 9_876_500 + number}, {}) for number in range(25)])
    page = admin.get("/admin/jobs/email?state=waiting&q=9876524").text
    assert "No match so far" in page and "Searched 10 of 25 waiting jobs." in page and "No matches" not in page
    assert 'hx-trigger="load"' in page and "cursor=10" in page
    last = admin.get("/admin/jobs/email?state=waiting&q=9876524&cursor=20").text
    assert len(shown(last)) == 1 and "1 match in 25 jobs." in last


def test_filters_narrow_the_list_and_are_in_the_address(admin: FlaskClient) -> None:
    queue = engine().queue("email")
    urgent = queue.enqueue("probe", priority=1).id
    queue.enqueue("send-email", {"deliveryId": 7})
    old = failed("ValueError: a 1", hours_ago=30)
    new = failed("ValueError: a 2", hours_ago=0.2)
    other = failed("ValueError: b", hours_ago=0.2)
    key = failure_key("ValueError: a …")

    def ids(query: str) -> set[str]:
        return set(shown(admin.get(f"/admin/jobs/email?{query}").text))

    assert ids("state=waiting&type=probe") == {urgent}
    assert ids("state=waiting&priority=1") == {urgent}
    assert ids(f"state=failed&error={key}") == {old, new}
    assert ids(f"state=failed&error={key}&within=1h") == {new}
    assert ids("state=failed&q=valueerror&within=24h") == {new, other}
    page = admin.get(f"/admin/jobs/email?state=failed&error={key}").text
    assert f'<option value="{key}" selected>ValueError: a' in page and "(2)" in page
    assert shown(admin.get("/admin/jobs/email?state=failed&size=250").text).__len__() == 3


def test_a_list_is_sorted_by_its_columns_and_the_address_has_the_order(admin: FlaskClient) -> None:
    queue = engine().queue("email")
    jobs = [queue.enqueue("probe", {"number": n}, priority=p, attempts=2).id for n, p in enumerate((5, 1, 9))]
    other = queue.enqueue("send-email", {"deliveryId": 7}).id

    def ids(query: str) -> list[str]:
        return shown(admin.get(f"/admin/jobs/email?state=waiting&{query}").text)

    assert ids("sort=priority") == [jobs[1], other, jobs[0], jobs[2]]
    assert ids("sort=-priority")[0] == jobs[2] and ids("sort=-type")[0] == other
    assert ids("sort=-created") == [other, *reversed(jobs)]
    assert ids("sort=-priority&type=probe") == [jobs[2], jobs[0], jobs[1]]
    page = admin.get("/admin/jobs/email?state=waiting&sort=priority&priority=9&q=probe").text
    assert 'aria-sort="ascending"' in page and "Sorted: 1 match in 4 jobs." in page
    assert "sort=-priority" in page and 'name="sort" value="priority"' in page


def test_failed_jobs_are_sorted_by_how_long_they_took_and_by_when_they_ended(admin: FlaskClient) -> None:
    old, new = failed("ValueError: a", hours_ago=5), failed("ValueError: b", hours_ago=1)
    never_started = failed("ValueError: c", hours_ago=3)
    for job_id, started in ((old, "2026-01-01T00:00:00.000000Z"), (new, "2026-01-02T00:00:00.000000Z")):
        engine().broker.client.hset(f"rq:job:{job_id}", "started_at", started)
    assert shown(admin.get("/admin/jobs/email?state=failed&sort=finished").text) == [old, never_started, new]
    assert shown(admin.get("/admin/jobs/email?state=failed&sort=-took").text) == [old, new, never_started]
    assert shown(admin.get("/admin/jobs/email?state=failed&sort=took").text) == [new, old, never_started]


def test_a_sort_of_a_part_says_of_how_many(admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_AT_ONCE", 10)
    monkeypatch.setattr(type(engine().queue("email")).find, "__defaults__", (0, None, 0.0))
    engine().queue("email").enqueue_many([("probe", {"number": number}, {}) for number in range(25)])
    page = admin.get("/admin/jobs/email?state=waiting&sort=-created").text
    assert "Sorted among the first 10 of 25 alone" in page and len(shown(page)) == 10


def test_a_sorted_list_has_pages(admin: FlaskClient) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": number}, {}) for number in range(60)])
    newest = admin.get("/admin/jobs/email?state=waiting&sort=-created").text
    last = admin.get("/admin/jobs/email?state=waiting&sort=-created&page=3").text
    assert len(shown(newest)) == 25 and len(shown(last)) == 10 and "51–60 of 60" in last


def test_jobs_are_filtered_by_the_worker_that_ran_them_and_by_a_time(admin: FlaskClient) -> None:
    mine, other = failed("ValueError: a", hours_ago=3), failed("ValueError: b", hours_ago=1)
    client = engine().broker.client
    client.hset(f"rq:job:{mine}", "worker_name", "email.1@host")
    client.hset(f"rq:job:{other}", "worker_name", "email.2@host")
    page = admin.get("/admin/jobs/email?state=failed&worker=email.1@host").text
    assert shown(page) == [mine]
    assert '<option value="email.1@host" selected>email.1@host (1)' in page

    def clock(hours_ago: float) -> str:
        return f"{datetime.now(ZoneInfo('Europe/Istanbul')) - timedelta(hours=hours_ago):%Y-%m-%dT%H:%M}"

    def ids(**query: str) -> list[str]:
        return shown(admin.get("/admin/jobs/email", query_string={"state": "failed", **query}).text)

    assert ids(**{"from": clock(2)}) == [other]
    assert ids(until=clock(2)) == [mine]
    assert ids(**{"from": clock(4), "until": clock(0.5)}) == [other, mine]
    assert ids(**{"from": "nonsense", "until": "2026-13-01T00:00"}) == [other, mine]


def test_the_values_of_the_filters_have_exact_counts_or_none(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = engine().queue("email")
    queue.enqueue_many([("probe", {"number": number}, {"priority": 1 + number % 2}) for number in range(30)])
    queue.enqueue("send-email", {"deliveryId": 7})
    page = admin.get("/admin/jobs/email?state=waiting").text
    for option in ("probe (30)", "send-email (1)", "1 (15)", "3 (1)", "In brackets: how many of all 31 waiting jobs."):
        assert option in page, option
    assert re.search(r'<select name="attempts">.*?<option value="1">1 \(0\)', page, re.S)  # none was tried yet
    monkeypatch.setattr(job_search, "COUNTED_AT_ONCE", 10)
    page = admin.get("/admin/jobs/email?state=waiting").text
    assert "probe (" not in page and "Count the values among all 31" in page and "counts=1" in page
    assert "probe (30)" in admin.get("/admin/jobs/email?state=waiting&counts=1").text
    monkeypatch.setattr(search, "_AT_ONCE", 10)
    monkeypatch.setattr(job_search, "SECONDS_OF_COUNTING", 0.0)
    page = admin.get("/admin/jobs/email?state=waiting&counts=1").text
    assert "probe (" not in page and "Not counted: 31 jobs could not be read in time." in page


def test_the_attempts_of_a_filter_are_those_of_the_column(admin: FlaskClient) -> None:
    fresh = engine().queue("email").enqueue("probe").id
    tried = engine().queue("email").enqueue("probe").id
    engine().broker.client.hset(f"rq:job:{tried}", mapping={"attempts": 5, "retries_left": 2})
    assert shown(admin.get("/admin/jobs/email?state=waiting&attempts=1").text) == [tried]
    assert set(shown(admin.get("/admin/jobs/email?state=waiting").text)) == {fresh, tried}


def test_a_bulk_action_names_the_exact_number_of_what_matches_before_it_acts(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        failed(f"ValueError: a {number}")
    failed("ValueError: b")
    key = failure_key("ValueError: a …")
    form = {"action": "retry:all", "state": "failed", "q": "", "error": key}
    asked = admin.post("/admin/jobs/email/bulk", data=form).text
    assert "Retry 7 jobs?" in asked and f'name="error" value="{key}"' in asked
    assert engine().stats()[1].failed == 8
    admin.post("/admin/jobs/email/bulk", data={**form, "confirmed": "yes"})
    assert (engine().stats()[1].failed, engine().stats()[1].waiting) == (1, 7)
    monkeypatch.setattr(search, "_AT_ONCE", 2)
    monkeypatch.setattr(bulk, "SECONDS", 0.0)
    some = admin.post("/admin/jobs/email/bulk", data={"action": "remove:all", "state": "waiting", "q": "probe"}).text
    assert "Remove 2 jobs?" in some and "Searched 2 of 7 jobs" in some


def test_retrying_a_group_of_errors_asks_with_the_number_of_all_of_them(admin: FlaskClient) -> None:
    for number in range(3):
        failed(f"FinalError: probe {number} went wrong")
    key = failure_key("FinalError: probe … went wrong")
    assert "Retry 3 failed jobs?" in admin.get(f"/admin/jobs/email/failures/{key}/retry").text
    assert engine().stats()[1].failed == 3


def test_a_list_is_downloaded_as_csv_and_json_as_it_is_filtered(admin: FlaskClient) -> None:
    broken = failed("=cmd()|evil")
    failed("ValueError: other")
    text = admin.get("/admin/jobs/email/download?state=failed&q=evil&format=csv")
    assert text.headers["Content-Disposition"] == 'attachment; filename="email-failed.csv"'
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert [(row["id"], row["error"]) for row in rows] == [(broken, "'=cmd()|evil")]
    found = json.loads(admin.get("/admin/jobs/email/download?state=failed&format=json").text)
    assert {row["error"] for row in found} == {"=cmd()|evil", "ValueError: other"}
    assert json.loads(admin.get("/admin/jobs/email/download?state=completed&format=json").text) == []


def test_a_long_list_has_a_page_to_jump_to_and_sizes_of_a_page(admin: FlaskClient) -> None:
    engine().queue("email").enqueue_many([("probe", {"number": number}, {}) for number in range(300)])
    page = admin.get("/admin/jobs/email?state=waiting&page=12").text
    assert 'name="page" min="1" max="12" value="12"' in page and len(shown(page)) == 25
    assert len(shown(admin.get("/admin/jobs/email?state=waiting&size=100&page=3").text)) == 100
