"""An outage of the database or of the storage is not the job's fault: it waits, spends no attempt, and resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import Booking, Export
from gnb.services import export_service
from gnb.services.exports import StorageError
from gnb.services.queue_service import add_export_job, get_job
from tests.integration.api.conftest import Caller
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import Postgres, free_port, on_postgresql, on_sqlite

HOURS = 3600


@contextmanager
def outage(server: Postgres, begin: bool = True) -> Iterator[Callable[[], None]]:
    """In the block, or from when it calls what it gets, the database rejects and ends every connection."""

    def start() -> None:
        server.execute("ALTER DATABASE gnb WITH ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'gnb'")

    if begin:
        start()
    try:
        yield start
    finally:
        server.execute("ALTER DATABASE gnb WITH ALLOW_CONNECTIONS true")


@pytest.fixture
def storage_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """Exports are kept in S3, of which nobody listens at the address."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    app.extensions["settings"] = replace(app.extensions["settings"], export_storage="s3://bucket/exports")
    return endpoint


@on_postgresql
def test_an_export_waits_for_the_database_without_spending_an_attempt(
    bookings: list[Booking], start_workers: Callable[..., Workers], postgres: Postgres
) -> None:
    job = export_service.request("bookings-csv")
    export_id, job_id = job.id, job.job_id or ""
    db.session.remove()
    with outage(postgres):
        start_workers(burst=False)
        runs = wait_for(lambda: len(found := engine().queue("export").attempts(job_id)) > 1 and found)
        waiting = get_job("export", job_id)
        assert {run.outcome for run in runs} == {"retried"}
        assert {run.number for run in runs} == {1}
        assert (waiting.state, waiting.attempts_made) in (("delayed", 0), ("active", 1))
        assert "database reported an error" in (waiting.failed_reason or "")
    assert wait_for(lambda: get_job("export", job_id).state == "completed", 30)
    assert export_service.get(export_id).state == "completed"
    assert get_job("export", job_id).attempts_made == 1


@on_sqlite
def test_an_export_waits_for_its_storage_and_says_what_is_wrong(
    bookings: list[Booking], start_workers: Callable[..., Workers], storage_away: str
) -> None:
    job = add_export_job("bookings-csv", attempts=1)
    start_workers()
    found, export = get_job("export", job.id), db.session.query(Export).one()
    assert (found.state, found.attempts_made) == ("delayed", 0)
    assert storage_away in export_service.get(export.id).error
    assert export.state == "waiting"


@on_sqlite
def test_an_outage_of_more_than_six_hours_spends_attempts(
    bookings: list[Booking], start_workers: Callable[..., Workers], storage_away: str
) -> None:
    job = add_export_job("bookings-csv", attempts=1)
    client = engine().broker.client
    client.hset(f"rq:job:{job.id}", "unavailable_since", engine().broker.time() - 6 * HOURS - 10)
    start_workers()
    assert get_job("export", job.id).state == "failed"
    export = export_service.get(db.session.query(Export.id).scalar())
    assert export.state == "failed"
    assert storage_away in export.error
    engine().queue("export").retry(job.id)
    assert engine().queue("export").seconds_unavailable(job.id) < 5


@on_sqlite
def test_a_download_from_an_unreachable_storage_is_a_503_with_the_cause(
    app: Flask, bookings: list[Booking], admin: Caller, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    export_id = export_service.run(export_service.create("bookings-csv").id).id
    endpoint = request.getfixturevalue("storage_away")
    answer = admin("GET", f"/api/v1/admin/exports/{export_id}/download")
    assert answer.status_code == 503
    assert endpoint in answer.json["error"]["message"]
    assert answer.headers["Retry-After"] == "30"
    with pytest.raises(StorageError):
        b"".join(export_service._backend().storage.read("a-1.csv"))


@on_sqlite
def test_what_an_attempt_before_left_in_an_unreachable_storage_does_not_hide_the_cause(
    bookings: list[Booking], storage_away: str
) -> None:
    export = export_service.create("bookings-csv")
    export.state, export.file_key = "active", f"{export.id}-dead.csv"
    db.session.commit()
    with pytest.raises(StorageError):
        export_service.run(export.id)
    assert storage_away in export_service.get(export.id).error
