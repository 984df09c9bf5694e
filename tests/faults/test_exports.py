"""Exports while things break: a full disk, a database gone, a killed worker. No half file is ever offered."""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.extensions import db
from gnb.models import Booking, Export, ExportChunk
from gnb.services import export_service
from gnb.services.exports import FileNotAvailable, attempts
from gnb.services.queue_service import get_job
from tests.fault_table import Fault
from tests.integration.engine.conftest import Workers, wait_for
from tests.integration.exports.conftest import bookings, start_workers
from tests.servers import on_postgresql, on_sqlite

assert bookings
assert start_workers

pytestmark = pytest.mark.quick_faults


@pytest.fixture
def full_at() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond so many bytes, as a full disk would; -1 lifts it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def assert_whole_in_the_end(export_id: str, fault: Fault) -> None:
    """The next attempt makes the whole file, and it is the only one there is."""
    assert_whole(export_service.run(export_id), fault)


def assert_whole(export: Export, fault: Fault) -> None:
    """The file is as if nothing had happened, and no half of one lies beside it."""
    files = db.session.scalars(db.select(ExportChunk.file_key).distinct()).all()
    whole = b"".join(export_service.read_file(export)).decode() == export_service.export_bookings_csv()
    fault.jobs, fault.lost, fault.doubled = 1, int(not whole), len(files) - 1
    assert (fault.lost, fault.doubled) == (0, 0)
    assert files == [export.file_key]


@on_sqlite
def test_a_disk_that_is_full_under_the_database_fails_the_export(
    bookings: list[Booking], full_at: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    fault.name = "disk full under the database, in mid-export"
    export_id = export_service.create("bookings-csv").id
    write = attempts.write_export

    def write_much(*arguments: Any) -> int:
        for _ in range(20):
            arguments[3].write(b"x" * 500_000)
        return write(*arguments)

    with monkeypatch.context() as much:
        much.setattr(attempts, "write_export", write_much)
        full_at(Path(db.engine.url.database or "").stat().st_size + 2_000_000)
        with pytest.raises(sa.exc.OperationalError):
            export_service.run(export_id)
        full_at(-1)
    with pytest.raises(FileNotAvailable):
        export_service.file_size(export_service.get(export_id))
    assert_whole_in_the_end(export_id, fault)


@on_postgresql
def test_a_database_that_goes_away_in_the_midst_fails_the_attempt_not_the_export(
    bookings: list[Booking], fault: Fault
) -> None:
    fault.name = "database connections cut, in mid-export"
    export_id = export_service.create("bookings-csv").id
    db.session.remove()
    other = sa.create_engine(db.engine.url)

    def cut(_done: int, _total: int) -> None:
        with other.begin() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        export_service.run(export_id, last=False, progress=cut)
    other.dispose()
    with pytest.raises(FileNotAvailable):
        export_service.file_size(export_service.get(export_id))
    assert_whole_in_the_end(export_id, fault)


@pytest.mark.timeout(180)
def test_a_worker_killed_in_the_midst_leaves_no_half_file_and_the_next_makes_it_whole(
    app: Flask,
    bookings: list[Booking],
    start_workers: Callable[..., Workers],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fault: Fault,
) -> None:
    fault.name = f"worker killed in mid-export, {db.engine.name}"
    write, begun = attempts.write_export, tmp_path / "begun"

    def write_half_at_first(*arguments: Any) -> int:
        if not begun.exists():
            arguments[3].write(b"half" * 200_000)
            begun.write_text(str(os.getpid()))
            time.sleep(120)
        return write(*arguments)

    monkeypatch.setattr(attempts, "write_export", write_half_at_first)
    export = export_service.request("bookings-csv")
    export_id, job_id = export.id, export.job_id or ""
    start_workers(burst=False)
    os.kill(int(wait_for(lambda: begun.exists() and begun.read_text(), 30)), signal.SIGKILL)
    killed = time.monotonic()
    with pytest.raises(FileNotAvailable):
        export_service.file_size(export_service.get(export_id))
    assert wait_for(lambda: get_job("export", job_id).state == "completed", 90)
    fault.recovery = time.monotonic() - killed
    assert_whole(export_service.get(export_id), fault)
