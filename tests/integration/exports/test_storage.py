"""Every storage keeps files the same way: whole or not at all, read back in any part."""

import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gnb.extensions import db
from gnb.models import Export, ExportChunk, now
from gnb.services.exports import StorageError
from gnb.services.exports.storage import Storage, open_storage
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port, on_sqlite

BYTES = bytes(range(256)) * 8192 + b"the end"  # two megabytes and a bit


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """The address of a server that speaks S3."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers, 30)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


@pytest.fixture
def s3_address(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket on the server, as EXPORT_STORAGE names it."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{os.urandom(4).hex()}"
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return f"s3://{bucket}/some/prefix"


@pytest.fixture(params=["database", "file", "s3"])
def storage(request: pytest.FixtureRequest, app: Flask, tmp_path: Path) -> Storage:
    """Each kind of storage, empty."""
    if request.param == "s3":
        return open_storage(request.getfixturevalue("s3_address"), db.engine)
    return open_storage("database" if request.param == "database" else f"file://{tmp_path}/ex%20ports", db.engine)


@pytest.fixture
def export_id(app: Flask) -> str:
    """An export's row, asked for two days ago."""
    export = Export(type="bookings-csv", created_at=now() - timedelta(days=2))
    db.session.add(export)
    db.session.commit()
    return export.id


def write(storage: Storage, key: str, export_id: str, data: bytes = BYTES) -> None:
    with storage.create(key, export_id) as file:
        for start in range(0, len(data), 100_000):
            file.write(data[start : start + 100_000])


@on_sqlite
def test_what_was_written_is_read_back(storage: Storage, export_id: str) -> None:
    write(storage, "a-1.csv", export_id)
    assert storage.size("a-1.csv") == len(BYTES)
    assert b"".join(storage.read("a-1.csv")) == BYTES


def test_the_database_keeps_files_on_both_databases(app: Flask, export_id: str) -> None:
    storage = open_storage("database", db.engine)
    write(storage, "a-1.csv", export_id)
    assert b"".join(storage.read("a-1.csv")) == BYTES
    assert storage.size("a-1.csv") == len(BYTES)
    storage.remove("a-1.csv")
    assert storage.size("a-1.csv") is None


@on_sqlite
def test_any_part_can_be_read(storage: Storage, export_id: str) -> None:
    write(storage, "a-1.csv", export_id)
    edge = 600_000  # where the database's second piece begins
    for start, end in [(0, 1), (edge - 1, edge + 1), (edge, 2 * edge), (5, 2_000_000), (len(BYTES) - 3, None), (9, 9)]:
        assert b"".join(storage.read("a-1.csv", start, end)) == BYTES[start:end], (start, end)


@on_sqlite
def test_an_empty_file_is_a_file_or_nothing_but_never_an_error(storage: Storage, export_id: str) -> None:
    write(storage, "a-1.csv", export_id, b"")
    assert b"".join(storage.read("a-1.csv") if storage.size("a-1.csv") is not None else ()) == b""


@on_sqlite
def test_a_file_that_broke_off_is_gone(storage: Storage, export_id: str) -> None:
    with pytest.raises(RuntimeError), storage.create("a-1.csv", export_id) as file:
        file.write(BYTES)
        raise RuntimeError("broken off")
    assert storage.size("a-1.csv") is None
    assert list(storage.leftovers(now() + timedelta(days=1))) == []
    assert db.session.scalar(db.select(db.func.count()).select_from(ExportChunk)) == 0


@on_sqlite
def test_an_unfinished_file_is_no_file_and_can_be_removed(storage: Storage, export_id: str) -> None:
    file = storage.create("a-1.pdf", export_id)
    for _ in range(2):  # the second piece waits until the first is put away
        file.write(BYTES * 5)
    if not type(storage).__name__.startswith("Database"):  # there the export's row decides what is a file
        assert storage.size("a-1.pdf") is None
    assert list(storage.leftovers(now() + timedelta(days=1))) == ["a-1.pdf"]
    storage.remove("a-1.pdf")
    assert list(storage.leftovers(now() + timedelta(days=1))) == []


@on_sqlite
def test_removing_twice_is_no_error(storage: Storage, export_id: str) -> None:
    write(storage, "a-1.csv", export_id)
    storage.remove("a-1.csv")
    storage.remove("a-1.csv")
    assert storage.size("a-1.csv") is None


@on_sqlite
@pytest.mark.parametrize("key", ["../secret.csv", "/etc/passwd", "a/b.csv", "a.txt", "..csv", "", "a\0.csv", "a.csv\n"])
def test_a_key_never_leads_out_of_the_storage(storage: Storage, export_id: str, key: str) -> None:
    if type(storage).__name__.startswith("Database"):
        pytest.skip("a key is a value there, no path")
    for use in (storage.size, storage.remove, lambda key: storage.create(key, export_id)):
        with pytest.raises(ValueError, match="not the name of an export's file"):
            use(key)


@on_sqlite
def test_a_full_disk_leaves_nothing_behind(
    app: Flask, export_id: str, tmp_path: Path, full_at: Callable[[int], None]
) -> None:
    storage = open_storage(f"file://{tmp_path}/exports", db.engine)
    full_at(1_000_000)
    with pytest.raises(StorageError, match=re.escape("the export could not be written")):
        write(storage, "a-1.csv", export_id)
    assert list((tmp_path / "exports").iterdir()) == []


@pytest.fixture
def full_at() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond so many bytes, as a full disk would."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
