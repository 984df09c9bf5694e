"""Personal data in jobs: admins read it, those who may change nothing read it masked wherever a job is shown."""

from collections.abc import Callable
from traceback import TracebackException

import pytest
from flask import Flask

from gnb.extensions import engine
from gnb.queueing import Schedule, keys
from gnb.queueing.execution import _error_field
from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

PERSONAL = ("ayse@example.com", "Ayşe Yılmaz", "0532 111 22 33", "tall guest", "ali@example.com")
MESSAGE = {"to": "ayse@example.com", "subject": "Dear Ayşe Yılmaz", "text": "Dear Ayşe Yılmaz, call 0532 111 22 33"}
OF_STOCK_RQ = '["shop.greet",null,["Ayşe Yılmaz"],{"phone":"0532 111 22 33","note":"tall guest"}]'


@pytest.fixture
def failed_ids(app: Flask) -> list[str]:
    """A failed `send-email`, and a failed job of stock RQ, with errors, logs and a schedule that name people."""
    queue, client, ids = engine().queue("email"), engine().broker.client, []
    for data in (None, OF_STOCK_RQ):
        job = queue.enqueue("send-email", MESSAGE)
        error = RuntimeError(
            f"550 <{MESSAGE['to']}>: {'Ayşe Yılmaz' if data else MESSAGE['subject']} tel 0532 111 22 33"
        )
        fields = {"status": "failed", "error": _error_field(TracebackException.from_exception(error))}
        client.hset(
            f"rq:job:{job.id}", mapping=fields | ({"data": data, "description": "shop.greet()"} if data else {})
        )
        client.hdel(f"rq:job:{job.id}", *(["type"] if data else ["no"]))
        client.lrem("rq:queue:email", 0, job.id)
        client.zadd("rq:failed:email", {job.id: 99_999_999_999})
        client.rpush(keys.logs(job.id), "sent to ali@example.com")
        client.xadd(f"rq:results:{job.id}", {"type": 2, "exc_string": "", "created_at": 1})
        ids.append(job.id)
    engine().schedules.add(Schedule("greeting", "send-email", MESSAGE, cron="0 3 * * *", queue="email"))
    return ids


def places(ids: list[str]) -> list[str]:
    """Every address at which data, errors or logs of these jobs are read."""
    found = ["/admin/schedules/greeting", "/api/v1/admin/schedules", "/api/v1/admin/schedules/greeting", "/admin/"]
    found += ["/admin/jobs/email?state=failed", "/admin/jobs/email/failures", f"{JOBS}/email/jobs?state=failed"]
    found += [f"/admin/jobs/email/download?state=failed&format={kind}" for kind in ("csv", "json")]
    found += ["/admin/jobs?q=send-email", "/admin/jobs/email/types/send-email", "/admin/schedules"]
    return found + [f"{before}/email/{job_id}" for job_id in ids for before in ("/admin/jobs", JOBS)]


@pytest.mark.parametrize("role", ["support", "manager"])
def test_those_who_may_change_nothing_read_no_personal_data_of_a_job_anywhere(
    calling_as: Callable[[str], Caller], failed_ids: list[str], role: str
) -> None:
    reader, admin, seen_by_admin = calling_as(role), calling_as("admin"), ""
    for place in places(failed_ids):
        answer = reader("GET", place)
        assert answer.status_code == 200, place
        text = answer.text if "json" not in (answer.mimetype or "") else str(answer.json)
        assert [each for each in PERSONAL if each in text] == [], place
        answer = admin("GET", place)
        seen_by_admin += answer.text if "json" not in (answer.mimetype or "") else str(answer.json)
    assert [each for each in PERSONAL if each not in seen_by_admin] == []


def test_what_is_not_personal_in_a_job_is_shown_to_those_who_may_change_nothing(
    calling_as: Callable[[str], Caller], app: Flask
) -> None:
    job = engine().queue("export").enqueue("bookings-csv", {"status": "confirmed", "startDate": "2026-01-31"})
    mail = engine().queue("email").enqueue("booking-confirmation", {"booking": {"id": 4711}})
    support = calling_as("support")
    assert support.get(f"/export/{job.id}")["data"] == job.data
    assert support.get(f"/email/{mail.id}")["data"] == mail.data
    assert "4711" in support("GET", f"/admin/jobs/email/{mail.id}").text


@pytest.mark.parametrize("wanted", ["Ayşe", "ayse@", "0532 111", "tall guest"])
def test_a_search_does_not_tell_those_who_may_change_nothing_what_is_masked(
    calling_as: Callable[[str], Caller], failed_ids: list[str], wanted: str
) -> None:
    for role, count in (("support", 0), ("admin", 1)):
        caller = calling_as(role)
        found = caller.get("/email/jobs", query_string={"state": "failed", "q": wanted})
        page = caller("GET", "/admin/jobs/email", query_string={"state": "failed", "q": wanted}).text
        assert (found["count"] > 0, 'id="row-' in page) == (count > 0, count > 0), role
    by_type = calling_as("support").get("/email/jobs", query_string={"state": "failed", "q": "send-email"})
    assert by_type["count"] == 1
