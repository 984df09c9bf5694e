"""`/admin/exports`, read and used as a browser without script does."""

import codecs
import errno
import re
from typing import Any

import pytest

from gnb.extensions import db
from gnb.messages import error_columns, os_error
from gnb.models import Booking, Export
from gnb.services import export_service
from gnb.services.exports import StorageError
from tests.integration.api.conftest import Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

PAGE = "/admin/exports?lang=tr"


def ask(caller: Caller, **fields: Any) -> Any:
    """The answer to a sent form, with the page's own token."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', caller("GET", PAGE).text)
    assert token
    return caller("POST", PAGE, data={"csrf_token": token[1], "type": "bookings-csv", **fields})


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"startDate": "2026-02-01", "endDate": "2026-01-01"}, "bitiş (2026-01-01) başlangıçtan (2026-02-01) önce"),
        ({"startDate": "yesterday"}, "gün 2026-01-31 gibi yazılır"),
        ({"tour": "77"}, "77 numaralı tur yok"),
        ({"status": "lost"}, "&#39;lost&#39; şunlardan biri değil"),
    ],
)
def test_a_wrong_filter_is_refused_in_turkish(admin: Caller, filters: dict[str, str], words: str) -> None:
    answer = ask(admin, **filters)
    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.query(Export).count() == 0


def test_a_failed_export_says_in_turkish_why_it_has_no_file(admin: Caller) -> None:
    error = StorageError("write", what=os_error(OSError(errno.ENOSPC, "No space left on device")))
    stored = error_columns(error.message)
    db.session.add(Export(id="e1", type="users-csv", filters={}, language="tr", state="failed", **stored))
    db.session.commit()
    assert "dışa aktarım yazılamadı: diskte yer kalmadı" in admin("GET", PAGE).text
    gone = admin("GET", "/admin/exports/e1/download?lang=tr", follow_redirects=True)
    assert "Başarısız oldu, bu yüzden dosyası yok" in gone.text


def test_a_csv_from_the_page_has_a_byte_order_mark_and_one_for_programs_none(
    admin: Caller, bookings: list[Booking]
) -> None:
    export = export_service.run(export_service.create("bookings-csv").id)
    address = f"/admin/exports/{export.id}/download"
    plain = admin("GET", f"{address}?plain=1").data
    marked = admin("GET", address)
    assert marked.data == b"\xef\xbb\xbf" + plain == codecs.BOM_UTF8 + b"".join(export_service.read_file(export))
    assert marked.content_length == len(plain) + 3
    for start in (0, 1, 3, 4, 100):
        part = admin("GET", address, headers={"Range": f"bytes={start}-{start + 9}"})
        assert (part.status_code, part.data) == (206, marked.data[start : start + 10])
    assert marked.headers["ETag"] != admin("GET", f"{address}?plain=1").headers["ETag"]
    assert admin("GET", f"/api/v1/admin/exports/{export.id}/download").data == plain
    assert f"{address}?plain=1" in admin("GET", "/admin/exports").text
