"""The OpenAPI document: it is complete, and holds whatever is sent to the API."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from gnb.config import ROOT
from tests.browser.stage import Quiet
from tests.business import make_tour
from tests.integration.api.conftest import Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

ENDS_THE_TOKEN = "/api/v1/auth/logout"


def document(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/api/openapi.json").json)


def test_the_document_names_every_route_of_the_api(app: Flask) -> None:
    named = set(document(app)["paths"])
    routes = {
        re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    }
    assert routes == named


def test_every_operation_lists_its_refusals(app: Flask) -> None:
    for path, operations in document(app)["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            codes = set(operation["responses"])
            assert codes >= {"429", "503"}, (method, path)
            if path.startswith("/api/v1/admin"):
                assert codes >= {"401", "403"}, (method, path)
                assert operation["security"] == [{"bearer": []}], (method, path)
            assert operation["summary"], (method, path)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of a server of the application, without limits of requests."""
    kinds = ("API_RATE", "BOOKING_RATE", "BOOKING_RECIPIENT", "QUESTION_RATE", "SEARCH_RATE")
    app.config.update({f"{kind}_LIMIT": "1000000 per minute" for kind in kinds})
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.mark.timeout(500)
def test_a_default_run_of_schemathesis_finds_nothing(address: str, admin: Caller, tmp_path: Path) -> None:
    admin.post("/email", {"type": "probe", "data": {}})
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(ROOT / "schemathesis.toml")]
    command += ["run", f"{address}/api/openapi.json"]
    command += ["--header", f"Authorization: {admin.headers['Authorization']}", "--exclude-path", ENDS_THE_TOKEN]
    command += ["--max-examples", "3", "--workers", "2", "--seed", "20260101"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:]
    (cases,) = re.findall(r"([\d,]+) generated", done.stdout)
    assert int(cases.replace(",", "")) > 1_500


def test_money_is_text_in_the_document_as_in_the_answers(client: FlaskClient) -> None:
    tour = make_tour()
    schemas = client.get("/api/openapi.json").json["components"]["schemas"]
    price = client.get(f"/api/v1/tours/{tour.slug}").json["data"]["price"]
    fields = (("TourDetails", "price"), ("Booking", "amount"), ("ExtraRow", "unitPrice"), ("ExtraRow", "total"))
    described = [schemas[schema]["properties"][name] for schema, name in fields]
    assert {each["type"] for each in described} == {"string"}
    assert all(re.search(each["pattern"], price) for each in described)
