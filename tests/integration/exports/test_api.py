"""`/api/v1/admin/exports`: from the request to the file in the operator's hands."""

from collections.abc import Callable
from typing import Any

import pytest

from gnb.extensions import db
from gnb.models import EXPORT_TYPES, Booking, Export
from gnb.services import export_service
from gnb.services.exports.storage import CONTENT_TYPES
from tests.integration.api.conftest import Caller
from tests.integration.engine.conftest import Workers
from tests.servers import on_sqlite

EXPORTS = "/api/v1/admin/exports"


def ask(admin: Caller, type: str = "bookings-csv", **filters: Any) -> dict[str, Any]:
    """The data of a request that must be accepted."""
    answer = admin("POST", EXPORTS, json={"type": type, "filters": filters})
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json["data"]
    return data


@pytest.fixture
def done(admin: Caller, bookings: list[Booking]) -> dict[str, Any]:
    """An export that is completed, as the API tells of it."""
    export = export_service.create("bookings-csv", {"startDate": "2026-01-01", "endDate": "2026-12-31"})
    export_service.run(export.id)
    data: dict[str, Any] = admin("GET", f"{EXPORTS}/{export.id}").json["data"]
    return data


def test_a_worker_makes_what_was_asked_for(
    admin: Caller, bookings: list[Booking], start_workers: Callable[..., Workers]
) -> None:
    asked = ask(admin, status="confirmed")
    assert asked["state"] == "waiting"
    assert asked["jobId"]
    start_workers()
    export = admin("GET", f"{EXPORTS}/{asked['id']}").json["data"]
    assert export["state"] == "completed", export
    assert export["progress"] == 100
    file = admin("GET", f"{EXPORTS}/{asked['id']}/download")
    assert file.text == export_service.export_bookings_csv({"status": "confirmed"})
    assert export["size"] == len(file.data)


@pytest.mark.parametrize("type", EXPORT_TYPES)
@on_sqlite
def test_each_type_comes_as_the_file_it_says(
    admin: Caller, bookings: list[Booking], start_workers: Callable[..., Workers], type: str
) -> None:
    asked = ask(admin, type, endDate="2026-01-31")
    start_workers()
    file = admin("GET", f"{EXPORTS}/{asked['id']}/download")
    assert file.status_code == 200, file.text
    kind = type.split("-")[1]
    assert file.headers["Content-Disposition"].endswith(f'-until-2026-01-31.{kind}"')
    assert file.data.startswith({"pdf": b"%PDF-", "xlsx": b"PK", "csv": b""}[kind])
    assert file.content_type == CONTENT_TYPES[kind]


@on_sqlite
@pytest.mark.parametrize("role", ["user", "driver", "support", "manager", None])
def test_exports_are_for_admins_alone(
    calling_as: Callable[[str | None], Caller], done: dict[str, Any], role: str | None
) -> None:
    caller = calling_as(role)
    for method, path in [("POST", ""), ("GET", ""), ("GET", f"/{done['id']}"), ("GET", f"/{done['id']}/download")]:
        answer = caller(method, EXPORTS + path, json={"type": "users-csv"} if method == "POST" else None)
        assert answer.status_code == (403 if role else 401)


@on_sqlite
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "bookings-csv", "filters": {"colour": "red"}}, "colour"),
        ({"type": "bookings-csv", "filters": {"startDate": "2026-02-02", "endDate": "2026-02-01"}}, "endDate"),
        ({"type": "bookings-csv", "filters": {"startDate": "yesterday"}}, "startDate"),
        ({"type": "bookings-csv", "filters": {"tour": 4711}}, "tour"),
        ({"type": "nothing-csv"}, "type"),
        ({"filters": {}}, "type"),
        ({"type": "bookings-csv", "filters": 5}, "filters"),
        ({"type": "bookings-csv", "more": 5}, "more"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(admin: Caller, body: dict[str, Any], field: str) -> None:
    answer = admin("POST", EXPORTS, json=body)
    assert answer.status_code == 422
    assert f'"{field}"' in answer.text
    assert db.session.scalar(db.select(db.func.count()).select_from(Export)) == 0


@on_sqlite
def test_an_unknown_export_is_not_found(admin: Caller) -> None:
    assert admin("GET", f"{EXPORTS}/none").status_code == 404
    assert admin("GET", f"{EXPORTS}/none/download").status_code == 404


@on_sqlite
@pytest.mark.parametrize("state", ["waiting", "active", "failed", "removed"])
def test_only_a_completed_export_has_a_file(admin: Caller, done: dict[str, Any], state: str) -> None:
    db.session.execute(db.update(Export).values(state=state))
    db.session.commit()
    answer = admin("GET", f"{EXPORTS}/{done['id']}/download")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "file_not_available"


def test_a_range_comes_alone_and_the_rest_follows(admin: Caller, done: dict[str, Any]) -> None:
    path = f"{EXPORTS}/{done['id']}/download"
    whole = admin("GET", path)
    part = admin("GET", path, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes 100-199/{done['size']}"
    assert part.data == whole.data[100:200]
    rest = admin("GET", path, headers={"Range": "bytes=200-", "If-Range": whole.headers["ETag"]})
    assert rest.data == whole.data[200:]
    assert admin("GET", path, headers={"Range": "bytes=-5"}).data == whole.data[-5:]


@on_sqlite
def test_a_range_outside_the_file_is_refused(admin: Caller, done: dict[str, Any]) -> None:
    answer = admin("GET", f"{EXPORTS}/{done['id']}/download", headers={"Range": f"bytes={done['size']}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{done['size']}"


@on_sqlite
@pytest.mark.parametrize(
    "headers", [{"Range": "bytes=5-9", "If-Range": '"other"'}, {"Range": "bytes=0-1,4-5"}, {"Range": "x"}]
)
def test_a_range_that_cannot_be_honoured_gives_the_whole(
    admin: Caller, done: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = admin("GET", f"{EXPORTS}/{done['id']}/download", headers=headers)
    assert (answer.status_code, len(answer.data)) == (200, done["size"])


@on_sqlite
def test_who_has_the_file_is_told_so(admin: Caller, done: dict[str, Any]) -> None:
    path = f"{EXPORTS}/{done['id']}/download"
    etag = admin("GET", path).headers["ETag"]
    answer = admin("GET", path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")


@on_sqlite
def test_head_tells_the_size_without_the_file(admin: Caller, done: dict[str, Any]) -> None:
    answer = admin("HEAD", f"{EXPORTS}/{done['id']}/download")
    assert (answer.headers["Content-Length"], answer.data) == (str(done["size"]), b"")


@on_sqlite
def test_the_list_shows_the_newest_first_in_parts(admin: Caller) -> None:
    ids = [export_service.create("users-csv").id for _ in range(3)]
    page = admin("GET", f"{EXPORTS}?start=0&end=2").json["data"]
    assert [export["id"] for export in page["exports"]] == ids[:0:-1]
    assert (page["count"], page["total"]) == (2, 3)
