"""Exports as jobs: queued, run, tried again, done at once when there is no broker."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from gnb.extensions import db, engine
from gnb.models import Booking, Export, ExportChunk, now
from gnb.queueing import InvalidJobData
from gnb.services import export_service
from gnb.services.accounts import tokens
from gnb.services.exports import ExportNotFound, ExportTooLarge, attempts
from gnb.services.queue_service import add_export_job, get_job, remove_job
from tests.business import make_user
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

pytestmark = on_sqlite


@pytest.fixture
def without_broker(app: Flask) -> Flask:
    """The application with queueing switched off."""
    app.extensions["settings"] = replace(app.extensions["settings"], queue_enabled=False)
    return app


def test_a_job_added_by_filters_alone_makes_its_own_export(
    bookings: list[Booking], start_workers: Callable[..., Workers]
) -> None:
    job = add_export_job("bookings-csv", {"filters": {"status": "confirmed"}})
    start_workers()
    result = get_job("export", job.id).return_value
    export = export_service.get(result["exportId"])
    assert (export.state, export.job_id) == ("completed", job.id)
    assert result["rows"] == sum(booking.status == "confirmed" for booking in db.session.scalars(db.select(Booking)))
    assert result["bytes"] == export.size


def test_filters_may_stand_without_their_name(bookings: list[Booking], start_workers: Callable[..., Workers]) -> None:
    job = add_export_job("revenue-pdf", {"startDate": "2026-01-01T00:00:00.000Z", "endDate": "2026-12-31"})
    start_workers()
    done = get_job("export", job.id)
    assert done.state == "completed", done.stacktrace
    export = export_service.get(done.return_value["exportId"])
    assert export.filters == {"startDate": "2026-01-01", "endDate": "2026-12-31"}
    assert export.file_name == "revenue-2026-01-01-to-2026-12-31.pdf"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"filters": {"colour": "red"}}, "filters"),
        ({"colour": "red"}, "colour"),
        ({"filters": {"startDate": "2026-02-02", "endDate": "2026-02-01"}}, "filters"),
        ({"startDate": "never"}, "startDate"),
        ({"status": "paid", "filters": {"status": "paid"}}, "status"),
    ],
)
def test_wrong_data_is_refused_when_the_job_is_added(app: Flask, data: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidJobData) as refused:
        add_export_job("bookings-csv", data)
    assert list(refused.value.errors) == [field]


def test_an_async_call_is_queued(app: Flask) -> None:
    result = export_service.export_users_csv_async({"role": "user"})
    assert result.success
    assert not result.sync
    assert result.data is None
    assert get_job("export", result.job_id).data == {"type": "users-csv", "exportId": result.export_id}
    assert export_service.get(result.export_id).filters == {"role": ["user"]}


@pytest.mark.parametrize(
    ("ask", "type"),
    [
        (export_service.export_bookings_csv_async, "bookings-csv"),
        (export_service.export_users_csv_async, "users-csv"),
        (export_service.export_revenue_csv_async, "revenue-csv"),
        (export_service.generate_bookings_pdf_async, "bookings-pdf"),
        (export_service.generate_revenue_pdf_async, "revenue-pdf"),
    ],
)
def test_each_async_call_queues_its_own_type(
    app: Flask, ask: Callable[..., export_service.ExportResult], type: str
) -> None:
    result = ask(requested_by=make_user(), language="tr")
    assert get_job("export", result.job_id).name == type
    export = export_service.get(result.export_id)
    assert (export.language, export.requested_by_id is not None) == ("tr", True)


def test_an_async_call_without_broker_is_done_at_once_and_warns(without_broker: Flask, bookings: list[Booking]) -> None:
    with capture_logs() as lines:
        result = export_service.export_bookings_csv_async({"status": "confirmed"})
    assert (result.sync, result.job_id) == (True, None)
    assert result.data == export_service.export_bookings_csv({"status": "confirmed"})
    assert next(csv.reader(io.StringIO(result.data)))[0] == "Booking ID"
    warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert warnings == ["an export runs inline, without the queue"]


def test_an_async_pdf_without_broker_comes_as_bytes(without_broker: Flask, bookings: list[Booking]) -> None:
    result = export_service.generate_revenue_pdf_async()
    assert isinstance(result.data, bytes)
    assert result.data.startswith(b"%PDF-")


def test_a_job_added_by_filters_alone_reports_its_rows_as_progress(
    bookings: list[Booking], start_workers: Callable[..., Workers]
) -> None:
    job = add_export_job("bookings-csv", {"status": "confirmed"})
    start_workers()
    rows = get_job("export", job.id).return_value["rows"]
    assert get_job("export", job.id).progress == {"percent": 100.0, "message": f"{rows} of {rows} rows"}


def test_attempts_of_a_job_without_a_row_share_the_row_of_the_first(app: Flask) -> None:
    first = export_service.create_for_job("users-csv", {"role": ["user"]}, "job-1", goes_on=False)
    assert export_service.create_for_job("users-csv", {"role": ["user"]}, "job-1", goes_on=True).id == first.id
    assert export_service.create_for_job("users-csv", {"role": ["user"]}, "job-2", goes_on=True).id != first.id


@pytest.mark.parametrize("by_row", [True, False])
def test_a_completed_export_that_is_run_again_makes_a_new_file(
    bookings: list[Booking], start_workers: Callable[..., Workers], by_row: bool
) -> None:
    data = {"exportId": export_service.create("users-csv").id} if by_row else {}
    job = add_export_job("users-csv", data)
    start_workers()
    first = get_job("export", job.id).return_value["exportId"]
    engine().queue("export").run_again(job.id)
    start_workers()
    second = get_job("export", job.id).return_value["exportId"]
    assert second != first
    assert {export_service.get(first).state, export_service.get(second).state} == {"completed"}


def test_a_new_job_with_a_used_id_makes_its_own_file(
    bookings: list[Booking], start_workers: Callable[..., Workers]
) -> None:
    add_export_job("users-csv", {}, job_id="nightly")
    start_workers()
    first = get_job("export", "nightly").return_value["exportId"]
    remove_job("export", "nightly")
    add_export_job("bookings-csv", {}, job_id="nightly")
    start_workers()
    second = get_job("export", "nightly").return_value
    assert second["exportId"] != first
    assert export_service.get(second["exportId"]).type == "bookings-csv"


def test_a_job_that_runs_twice_makes_one_file(bookings: list[Booking]) -> None:
    export = export_service.create("bookings-csv")
    first = export_service.run(export.id, "job-1").file_key
    assert export_service.run(export.id, "job-1").file_key == first
    assert db.session.scalars(db.select(ExportChunk.file_key).distinct()).all() == [first]


def test_an_export_whose_job_was_removed_is_said_to_have_failed(app: Flask) -> None:
    export = export_service.request("users-csv")
    assert export_service.get(export.id).state == "waiting"
    remove_job("export", export.job_id)
    ((listed,), _) = export_service.list_exports()
    assert (listed.state, listed.error) == ("failed", "Its job was removed or lost before it was done.")
    assert export_service.get(export.id).finished_at is not None


def test_an_export_whose_job_failed_without_a_word_to_its_row_is_said_to_have_failed(
    app: Flask, start_workers: Callable[..., Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Export:
        raise ExportNotFound("not here")

    monkeypatch.setattr(export_service, "run", refuse)
    export_id = export_service.request("users-csv").id
    db.session.execute(db.update(Export).values(state="active"))
    db.session.commit()
    start_workers()
    assert export_service.get(export_id).state == "failed"


def test_an_export_that_is_gone_fails_its_job_for_good(app: Flask, start_workers: Callable[..., Workers]) -> None:
    export = export_service.create("users-csv")
    job = add_export_job("users-csv", {"exportId": export.id})
    db.session.execute(db.delete(Export))
    db.session.commit()
    start_workers()
    found = get_job("export", job.id)
    assert (found.state, found.attempts_made) == ("failed", 1)
    assert "there is no export" in found.failed_reason


@pytest.mark.parametrize("bound", ["INLINE_ROWS", "INLINE_SECONDS"])
def test_without_broker_a_large_export_is_rejected_with_a_sentence(
    without_broker: Flask, bookings: list[Booking], monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(attempts, bound, 0)
    with pytest.raises(ExportTooLarge, match="The broker is unreachable, and the export"):
        export_service.request("bookings-csv")
    (export,) = export_service.list_exports()[0]
    reason = {"INLINE_ROWS": "rows", "INLINE_SECONDS": "time"}[bound]
    assert (export.state, export.error_code) == ("failed", f"export_too_large.{reason}")


def test_a_large_export_without_broker_is_answered_with_503(
    without_broker: Flask, bookings: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "INLINE_ROWS", 10)
    token = tokens.issue(make_user(role="admin"))
    answer = without_broker.test_client().post(
        "/api/v1/admin/exports", json={"type": "bookings-csv"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "300 rows" in answer.json["error"]["message"]


def test_a_new_job_with_the_data_of_a_completed_export_makes_a_new_file(
    bookings: list[Booking], start_workers: Callable[..., Workers]
) -> None:
    result = export_service.export_users_csv_async()
    start_workers()
    job = add_export_job("users-csv", {"exportId": result.export_id})
    start_workers()
    second = get_job("export", job.id).return_value["exportId"]
    assert second != result.export_id
    assert {export_service.get(each).state for each in (result.export_id, second)} == {"completed"}


def test_an_export_that_never_got_its_job_is_found(app: Flask) -> None:
    fresh, old, swept = (export_service.create("users-csv") for _ in range(3))
    old.created_at = swept.created_at = now() - timedelta(minutes=11)
    db.session.commit()
    assert [export_service.get(each.id).state for each in (fresh, old)] == ["waiting", "failed"]
    assert export_service.remove_expired_exports().abandoned == 1
    assert export_service.get(swept.id).error_code == "export_failed.job_lost"
