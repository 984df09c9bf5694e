"""What no database can hold is rejected where it comes in, with the name of its field or parameter."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

NUL = quote("a\0b")
BAD_NUMBERS = ["1.5", "1e3", "1_0", quote("٣"), quote(" 1"), "0x1", str(2**63), "9" * 50, "true", "nan"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/jobs/email?q={}", "q"),
        ("/admin/jobs/find?id={}", "id"),
        ("/admin/bookings?q={}", "q"),
        ("/admin/emails?q={}", "q"),
        ("/admin/audit?target={}", "target"),
        ("/admin/tours?q={}", "q"),
        ("/tours?from={}", "from"),
        ("/tours?to={}", "to"),
        ("/tours?date={}", "date"),
        ("/login?next={}", "next"),
        ("/api/v1/tours?from={}", "from"),
        ("/api/v1/tours?to={}", "to"),
        (f"{JOBS}/email/jobs?q={{}}", "q"),
        ("/api/v1/bookings?q={}", "q"),
    ],
)
def test_nul_in_any_parameter_is_rejected_and_the_parameter_named(admin: Caller, path: str, name: str) -> None:
    answer = admin("GET", path.format(NUL), headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [name]
    page = admin("GET", path.format(NUL))
    assert page.status_code == 422


def test_nul_in_a_form_is_rejected_and_the_field_named(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/login", data={"email": "a\0b", "password": "x"}, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == ["email"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (f"{JOBS}/email", lambda text: {"type": "probe", "data": {"note": [text]}}, "data"),
        (f"{JOBS}/email", lambda text: {"type": text}, "type"),
        (f"{JOBS}/email", lambda text: {"type": "probe", "options": {text: 1}}, "options"),
        (f"{JOBS}/email/remove", lambda text: {"q": text}, "q"),
        ("/api/v1/admin/schedules", lambda text: {"name": "x", "type": "clean-up", "cron": text}, "cron"),
        ("/api/v1/admin/exports", lambda text: {"type": "users-csv", "filters": {"role": text}}, "filters"),
        ("/api/v1/delay-risk", lambda text: {"origin": text, "destination": "SAW"}, "origin"),
        ("/api/v1/bookings", lambda text: {"contact": {"name": text}}, "contact"),
        ("/api/v1/auth/login", lambda text: {"email": text, "password": "x"}, "email"),
    ],
)
def test_unstorable_text_in_a_body_is_rejected_and_the_field_named(
    admin: Caller, path: str, body: Callable[[str], Any], field: str
) -> None:
    for text in ("a\0b", "half \ud800", "\udfff"):
        answer = admin("POST", path, json=body(text))
        assert (answer.status_code, list(answer.json["error"]["details"])) == (422, [field]), ascii(text)


@pytest.mark.parametrize(
    "path",
    [
        f"{JOBS}/email/jobs?start={{}}",
        f"{JOBS}/email/jobs?end={{}}",
        f"{JOBS}/email/jobs?cursor={{}}",
        "/api/v1/admin/exports?start={}",
        "/api/v1/admin/exports?end={}",
        "/api/v1/tours?start={}",
        "/api/v1/tours?passengers={}",
        "/api/v1/bookings?start={}",
    ],
)
def test_a_number_in_a_query_string_is_decimal_digits_within_its_bounds(admin: Caller, path: str) -> None:
    statuses = {number: admin("GET", path.format(number)).status_code for number in BAD_NUMBERS}
    assert statuses == dict.fromkeys(BAD_NUMBERS, 422)
    assert admin("GET", path.format(1)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/recommendations", lambda number: {"userId": number}),
        ("/api/v1/recommendations", lambda number: {"options": {"limit": number}}),
        (f"{JOBS}/email/clean", lambda number: {"limit": number}),
        (f"{JOBS}/email/clean", lambda number: {"grace": number}),
        (f"{JOBS}/email/some-job/priority", lambda number: {"priority": number}),
        (f"{JOBS}/email/retry", lambda number: {"q": "x", "cursor": number}),
        (
            "/api/v1/admin/exports",
            lambda number: {"type": "bookings-csv", "filters": {"tour": "x" if number == "1" else number}},
        ),
    ],
)
def test_a_number_in_a_body_is_an_integer_within_its_bounds(
    admin: Caller, path: str, body: Callable[[Any], Any]
) -> None:
    for number in (1.5, 1.0, "1", "1_0", "٣", True, 10**15, 2**63, -1, 10**30):
        assert admin("POST", path, json=body(number)).status_code == 422, number
