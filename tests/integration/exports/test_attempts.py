"""What is offered is whole: attempts that break off, are overtaken or are forgotten leave nothing behind."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from gnb.extensions import db
from gnb.models import Booking, Export, ExportChunk, now
from gnb.services import export_service
from gnb.services.exports import AttemptSuperseded, FileNotAvailable, attempts


def chunks() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(ExportChunk)) or 0


def broken(*_: Any) -> int:
    raise ValueError("a secret@example.com value")


def test_a_broken_attempt_leaves_the_export_waiting_for_the_next(
    bookings: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = export_service.create("bookings-csv")
    with monkeypatch.context() as broken_off:
        broken_off.setattr(attempts, "write_export", broken)
        with pytest.raises(ValueError, match="secret"):
            export_service.run(export.id, last=False)
    export = export_service.get(export.id)
    assert (export.state, export.error) == ("waiting", "It failed with ValueError.")
    with pytest.raises(FileNotAvailable):
        export_service.file_size(export)
    assert export_service.run(export.id).state == "completed"
    assert export_service.get(export.id).error is None


def test_the_last_broken_attempt_fails_the_export(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    export = export_service.create("bookings-csv")
    monkeypatch.setattr(attempts, "write_export", broken)
    with pytest.raises(ValueError, match="secret"):
        export_service.run(export.id, last=True)
    export = export_service.get(export.id)
    assert export.state == "failed"
    assert export.finished_at is not None
    assert "secret" not in export.error
    assert chunks() == 0


def test_an_attempt_that_was_overtaken_throws_its_file_away(
    bookings: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = export_service.create("bookings-csv").id
    write, overtaken = attempts.write_export, []

    def write_while_overtaken(*arguments: Any) -> int:
        rows = write(*arguments)
        if not overtaken:
            overtaken.append(True)
            export_service.run(export_id)
        return rows

    monkeypatch.setattr(attempts, "write_export", write_while_overtaken)
    with pytest.raises(AttemptSuperseded):
        export_service.run(export_id)
    export = export_service.get(export_id)
    assert export.state == "completed"
    assert b"".join(export_service.read_file(export)).decode() == export_service.export_bookings_csv()
    assert db.session.scalars(db.select(ExportChunk.file_key).distinct()).all() == [export.file_key]


def test_what_a_killed_attempt_left_is_removed_by_the_next(bookings: list[Booking]) -> None:
    export = export_service.create("bookings-csv")
    export.state, export.file_key = "active", f"{export.id}-dead.csv"
    db.session.add(ExportChunk(file_key=export.file_key, position=0, export_id=export.id, start=0, data=b"half"))
    db.session.commit()
    key = export_service.run(export.id).file_key
    assert db.session.scalars(db.select(ExportChunk.file_key).distinct()).all() == [key]


def test_a_file_is_removed_after_seven_days_and_its_row_stays(bookings: list[Booking]) -> None:
    export = export_service.run(export_service.create("bookings-csv").id)
    assert export.expires_at - export.finished_at == timedelta(days=7)
    assert export_service.remove_expired_exports(now() + timedelta(days=6, hours=23)).files == 0
    assert export_service.remove_expired_exports(now() + timedelta(days=7, seconds=1)).files == 1
    export = export_service.get(export.id)
    assert export.state == "removed"
    assert export.removed_at is not None
    assert chunks() == 0
    with pytest.raises(FileNotAvailable, match="seven days"):
        export_service.file_size(export)


def test_the_clean_up_gives_up_what_lost_its_job_and_removes_its_pieces(app: Flask) -> None:
    export = export_service.create("bookings-csv")
    export.state, export.file_key, export.started_at = "active", f"{export.id}-dead.csv", now()
    db.session.add(ExportChunk(file_key=export.file_key, position=0, export_id=export.id, start=0, data=b"half"))
    db.session.commit()
    assert export_service.remove_expired_exports().abandoned == 0
    assert chunks() == 1
    removed = export_service.remove_expired_exports(now() + timedelta(hours=25))
    assert (removed.abandoned, removed.leftovers) == (1, 1)
    assert chunks() == 0
    assert db.session.get(Export, export.id, populate_existing=True).state == "failed"


def test_progress_is_reported_in_rows_done_of_rows_counted(bookings: list[Booking]) -> None:
    updates: list[tuple[int, int]] = []
    export_service.run(export_service.create("bookings-csv").id, progress=lambda *counts: updates.append(counts))
    assert updates[0] == (0, 300)
    assert updates[-1] == (300, 300)


def test_a_name_says_what_is_inside(app: Flask) -> None:
    export = export_service.run(export_service.create("users-csv", {"startDate": "2026-01-01"}).id)
    assert export.file_name == "users-from-2026-01-01.csv"


def test_an_export_keeps_the_longest_job_id(app: Flask) -> None:
    made = export_service.create_for_job("users-csv", {}, "x" * 200, goes_on=False)
    assert export_service.get(made.id).job_id == "x" * 200
