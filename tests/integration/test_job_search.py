"""The search of the job pages finds by everything that people know of a job, and says how far it has searched."""

import csv
import io
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.blueprints.admin import bulk
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
