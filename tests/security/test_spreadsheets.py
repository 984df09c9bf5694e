"""What a stranger types into a booking never runs as a formula in the spreadsheet of staff."""

import csv
import io
import zipfile
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db
from gnb.models import User
from gnb.services import export_service
from gnb.services.exports import csv_export
from gnb.services.exports.csv_export import Kind
from tests.business import booking_data, make_booking, make_tour
from tests.security.conftest import PASSWORD

API = "/api/v1/admin/exports"
NAMESPACE = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
PAYLOADS = [
    f"{before}{sign}cmd|' /C calc'!A0"
    for before in ("", "x;", 'x";', "x; ", "x;;", 'x;"', 'x","', '"', "x;\uff1dy;", 'x"", ; ')
    for sign in ("=", "+", "-", "@", "＝", "＋", "－", "＠")
]


@pytest.fixture
def admin(client: FlaskClient, people: dict[str, User]) -> FlaskClient:
    """A client with the bearer token of an admin."""
    answer = client.post("/api/v1/auth/login", json={"email": "admin@example.com", "password": PASSWORD})
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {answer.json['data']['accessToken']}"
    return client


def download(admin: FlaskClient, export_type: str) -> bytes:
    """The file of an export that an admin asks for and a worker writes."""
    export_id = admin.post(API, json={"type": export_type}).json["data"]["id"]
    export_service.run(export_id)
    answer = admin.get(f"{API}/{export_id}/download")
    assert answer.status_code == 200
    return answer.data


def book_under_hostile_names(app: Flask, people: dict[str, User]) -> None:
    """Book through the API as a stranger under every payload, and let one stand with line breaks and tabs."""
    app.config.update(BOOKING_RATE_LIMIT="1000 per minute", BOOKING_RECIPIENT_LIMIT="1000 per day")
    tour, stranger = make_tour(), app.test_client()
    for number, name in enumerate(PAYLOADS):
        data = booking_data(tour, contactName=name, time=f"{number % 24:02}:30")
        if stranger.post("/api/v1/bookings", json=data).status_code != 201:
            make_booking(tour, customer_name=name)  # refused as a link today; older rows can hold it
    people["user"].name = "Two\n=lines\r\n@and\ttabs;\t+and more"
    db.session.commit()


def test_no_separator_begins_a_formula_in_a_csv(app: Flask, admin: FlaskClient, people: dict[str, User]) -> None:
    book_under_hostile_names(app, people)
    for export_type in ("bookings-csv", "users-csv", "revenue-csv"):
        text = download(admin, export_type).decode()
        for delimiter in (",", ";", "\t"):
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                cells = [cell.strip(' "') for cell in row]
                assert not any(cell.startswith(tuple("=+-@＝＋－＠")) for cell in cells), (delimiter, row)


def test_every_cell_of_an_xlsx_has_a_type_and_none_is_a_formula(
    app: Flask, admin: FlaskClient, people: dict[str, User]
) -> None:
    book_under_hostile_names(app, people)
    with zipfile.ZipFile(io.BytesIO(download(admin, "bookings-xlsx"))) as book:
        assert not [name for name in book.namelist() if "external" in name.lower() or "vba" in name.lower()]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert sheet.findall(".//x:f", NAMESPACE) == []
    assert sheet.findall(".//x:hyperlink", NAMESPACE) == []
    rows = sheet.findall(".//x:row", NAMESPACE)
    assert len(rows) == len(PAYLOADS) + 1
    kinds = ["".join("s" if cell.get("t") == "inlineStr" else "n" for cell in row) for row in rows]
    columns = csv_export.table("bookings-xlsx", {}).columns
    types = "".join("s" if column.kind in (Kind.TEXT, Kind.WORD) else "n" for column in columns)
    assert kinds == ["s" * len(columns)] + [types] * len(PAYLOADS)
    names = [row[1].find(".//x:t", NAMESPACE) for row in rows[1:]]
    assert [name.text for name in names if name is not None] == PAYLOADS
