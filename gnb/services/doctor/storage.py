"""Where exports go: a small file is written there, read and removed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import sqlalchemy as sa

from gnb.extensions import db, settings
from gnb.models import Export, ExportChunk
from gnb.services.doctor.findings import Finding, cause, ok, problem
from gnb.services.exports.storage import open_storage

_TEXT = b"written by flask doctor\r\n"


def examine() -> Iterator[Finding]:
    """Whether an export's file could be written and read at this moment."""
    address = settings().export_storage
    try:
        _try_database() if address == "database" else _try_files(address)
    except Exception as error:  # noqa: BLE001 - a disk, a database or a service may each fail in ways of their own
        yield problem("storage", f"{_shown(address)} takes no file: {cause(error)}", _remedy(address))
    else:
        yield ok("storage", f"{_shown(address)} takes files and gives them back")


def _try_database() -> None:
    """Writes a row and a chunk, and takes both back."""
    number = str(uuid4())
    chunk = {"file_key": f"{number}.csv", "position": 0, "export_id": number, "start": 0, "data": _TEXT}
    with db.engine.connect() as connection:
        connection.execute(sa.insert(Export).values(id=number, type="bookings-csv"))
        connection.execute(sa.insert(ExportChunk).values(**chunk))
        connection.rollback()


def _try_files(address: str) -> None:
    place, key = open_storage(address, db.engine), f"doctor-{uuid4().hex}.csv"
    with place.create(key, "doctor") as file:
        file.write(_TEXT)
    try:
        if b"".join(place.read(key)) != _TEXT:
            raise OSError("what is read is not what was written")
    finally:
        place.remove(key)


def _shown(address: str) -> str:
    return "the database" if address == "database" else address


def _remedy(address: str) -> str:
    if address == "database":
        return "Check that the database is not read-only and its disk not full"
    if address.startswith("file:"):
        return "Let the application's user write to that folder, and check that its disk is not full"
    return "Check the bucket's name, the credentials as boto3 finds them, and that requirements have boto3"
