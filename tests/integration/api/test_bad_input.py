"""Whatever a client sends is answered in the API's shape, with a status that says what was wrong."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import User
from gnb.services.accounts import tokens
from tests.conftest import Visitor
from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite


def refusal(answer: TestResponse) -> dict[str, Any]:
    """The error of an answer that must be a refusal in the API's shape."""
    assert answer.is_json, answer.text[:200]
    assert answer.json["success"] is False
    assert answer.json["error"].keys() == {"code", "message", "details"}
    return dict(answer.json["error"])


# What is not there


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere/stats"),
        ("GET", "/nowhere/jobs"),
        ("GET", "/nowhere/some-job"),
        ("POST", "/nowhere/pause"),
        ("POST", "/nowhere/resume"),
        ("POST", "/nowhere/drain"),
        ("POST", "/nowhere/clean"),
        ("POST", "/nowhere/retry"),
        ("POST", "/nowhere/some-job/retry"),
        ("DELETE", "/nowhere/some-job"),
    ],
)
def test_an_unknown_queue_is_not_found(admin: Caller, method: str, path: str) -> None:
    answer = admin(method, JOBS + path)
    assert answer.status_code == 404
    assert refusal(answer)["code"] == "unknown_queue"


def test_a_job_for_an_unknown_queue_is_not_found(admin: Caller) -> None:
    assert admin("POST", f"{JOBS}/nowhere", json={"type": "probe"}).status_code == 404


@pytest.mark.parametrize("action", ["", "/retry", "/promote", "/run-again", "/stop", "/priority"])
def test_an_unknown_job_is_not_found(admin: Caller, action: str) -> None:
    method = "POST" if action else "GET"
    answer = admin(method, f"{JOBS}/email/no-such-job{action}", json={"priority": 1} if action == "/priority" else None)
    assert answer.status_code == 404
    assert refusal(answer)["code"] == "job_not_found"


def test_a_job_is_not_found_on_another_queue(admin: Caller) -> None:
    job_id = admin.post("/email", {"type": "probe"})["id"]
    assert admin("GET", f"{JOBS}/export/{job_id}").status_code == 404
    assert admin("DELETE", f"{JOBS}/export/{job_id}").status_code == 404
    assert admin("GET", f"{JOBS}/email/{job_id}").status_code == 200


ODD_IDS = ["a/b", "../../etc/passwd", "a b", "\x00", "\x1b[31m", "é", "💥", "*", "a:b", "{}", "x" * 5000, "%", "\r\n"]


@pytest.mark.parametrize("job_id", ODD_IDS, ids=range(len(ODD_IDS)))
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_of_odd_characters_is_not_found(admin: Caller, method: str, job_id: str) -> None:
    answer = admin(method, f"{JOBS}/email/{quote(job_id, safe='')}")
    assert answer.status_code in (404, 405)
    refusal(answer)


def test_an_id_that_is_no_text_is_not_found(admin: Caller) -> None:
    assert admin("GET", f"{JOBS}/email/%ff%fe").status_code == 404


@pytest.mark.parametrize("job_id", ["a/b", "\x00", "", "x" * 201, "é"])
def test_an_odd_id_in_a_body_is_refused(admin: Caller, job_id: str) -> None:
    answer = admin("POST", f"{JOBS}/email/retry", json={"ids": [job_id]})
    assert answer.status_code == 422
    assert "ids" in refusal(answer)["details"]


# Moves out of turn


@pytest.mark.parametrize("action", ["retry", "promote", "run-again", "stop"])
def test_a_move_that_the_state_does_not_allow_is_a_conflict(admin: Caller, action: str) -> None:
    job_id = admin.post("/email", {"type": "probe"})["id"]
    answer = admin("POST", f"{JOBS}/email/{job_id}/{action}")
    assert answer.status_code == 409
    assert refusal(answer)["code"] == "invalid_job_state"


# Queries and bodies


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=-1", "start"),
        ("end=-5", "end"),
        ("start=10&end=5", "end"),
        ("start=0&end=1001", "end"),
        ("start=99999999999999999999999999", "start"),
        ("start=0&end=9223372036854775808", "end"),
        ("start=x", "start"),
        ("start=1.5", "start"),
        ("start=", "start"),
        ("state=asleep", "state"),
        ("state=", "state"),
        ("cursor=-1&q=x", "cursor"),
        ("q=", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=%00", "q"),
    ],
)
def test_a_wrong_query_is_refused_by_field(admin: Caller, query: str, field: str) -> None:
    answer = admin("GET", f"{JOBS}/email/jobs?{query}")
    assert answer.status_code == 422
    assert field in refusal(answer)["details"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "no-such-type"}, "type"),
        ({"type": 5}, "type"),
        ({"type": "probe", "data": []}, "data"),
        ({"type": "probe", "data": {"ending": "ugly"}}, "data"),
        ({"type": "probe", "data": {"unknown": 1}}, "data"),
        ({"type": "probe", "options": {"priority": 11}}, "options"),
        ({"type": "probe", "options": {"delay": -1}}, "options"),
        ({"type": "probe", "options": {"delay": 10**400}}, "options"),
        ({"type": "probe", "options": {"attempts": "many"}}, "options"),
        ({"type": "probe", "options": {"job_id": "a/b"}}, "options"),
        ({"type": "probe", "options": {"backoff": {"type": "magic"}}}, "options"),
        ({"type": "probe", "options": {"hurry": True}}, "options"),
        ({"type": "probe", "extra": 1}, "extra"),
    ],
)
def test_a_wrong_job_is_refused_by_field(admin: Caller, body: dict[str, Any], field: str) -> None:
    answer = admin("POST", f"{JOBS}/email", json=body)
    assert answer.status_code == 422, answer.text
    assert field in refusal(answer)["details"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/email/clean", {"grace": -1}, "grace"),
        ("/email/clean", {"grace": 10**30}, "grace"),
        ("/email/clean", {"grace": "soon"}, "grace"),
        ("/email/clean", {"grace": None}, "grace"),
        ("/email/clean", {"state": "waiting"}, "state"),
        ("/email/clean", {"grade": 1}, "grade"),
        ("/email/retry", {"ids": []}, "ids"),
        ("/email/retry", {"ids": "abc"}, "ids"),
        ("/email/retry", {"ids": [1]}, "ids"),
        ("/email/retry", {"ids": ["a"], "q": "b"}, "q"),
        ("/email/remove", {}, "ids"),
        ("/email/remove", {"q": "a", "state": "gone"}, "state"),
    ],
)
def test_a_wrong_change_is_refused_by_field(admin: Caller, path: str, body: dict[str, Any], field: str) -> None:
    answer = admin("POST", JOBS + path, json=body)
    assert answer.status_code == 422
    assert field in refusal(answer)["details"]


@pytest.mark.parametrize("body", [b"{", b"{'type': 1}", b"\xff\xfe", b'{"a": 1}}', b"nul"])
def test_invalid_json_cannot_be_read(admin: Caller, body: bytes) -> None:
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code == 400
    refusal(answer)


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "true"])
def test_json_that_is_no_object_is_refused(admin: Caller, body: str) -> None:
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code == 422
    refusal(answer)


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"type": "probe", "data": ' + '{"a":' * 50_000, '{"type": ' + "9" * 5000 + "}"],
    ids=["lists", "objects", "digits"],
)
def test_json_made_to_break_readers_is_refused(admin: Caller, body: str) -> None:
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code == 400
    refusal(answer)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"type": "probe",\n "data": {]}', "The JSON is malformed at line 2, column 11."),
        (b'{"type": "\xff"}', "The JSON is not valid UTF-8."),
    ],
    ids=["syntax", "bytes"],
)
def test_an_unreadable_body_is_told_what_is_wrong(admin: Caller, body: bytes, words: str) -> None:
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"]["message"] == words


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(admin: Caller, number: str) -> None:
    body = f'{{"type": "probe", "data": {{"number": {number}}}, "options": {{"delay": {number}}}}}'
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    refusal(answer)


def test_half_a_character_is_refused(admin: Caller) -> None:
    body = '{"type": "\\ud800", "data": {"\\udfff": "\\ud800"}}'
    answer = admin("POST", f"{JOBS}/email", data=body, content_type="application/json")
    assert answer.status_code == 422
    refusal(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/email", "/email/clean", "/email/pause"])
def test_a_body_that_is_not_json_is_the_wrong_type(admin: Caller, path: str, kind: str) -> None:
    answer = admin("POST", JOBS + path, data='{"type": "probe"}', content_type=kind)
    assert answer.status_code == 415
    refusal(answer)


@pytest.mark.parametrize("path", ["/email", "/email/clean", "/email/pause", "/email/some-job/retry"])
def test_a_body_of_ten_megabytes_is_too_large(admin: Caller, path: str) -> None:
    body = json.dumps({"type": "probe", "data": {"number": 1, "text": "x" * 10_000_000}})
    answer = admin("POST", JOBS + path, data=body, content_type="application/json")
    assert answer.status_code == 413
    refusal(answer)


def test_a_method_that_a_path_does_not_have_is_not_allowed(admin: Caller) -> None:
    answer = admin("PUT", f"{JOBS}/email/pause")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    refusal(answer)


# Tokens


def unsigned(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


@pytest.fixture
def bad_tokens(app: Flask, accounts: dict[str, User]) -> dict[str, str]:
    """Tokens that must be rejected."""
    user = accounts["admin"]
    claims = jwt.decode(tokens.issue(user), options={"verify_signature": False})
    ended = tokens.issue(user)
    tokens.revoke_claims(jwt.decode(ended, options={"verify_signature": False}), user)
    db.session.commit()
    key = app.config["JWT_SECRET_KEY"]
    return {
        "malformed": "abc",
        "empty": "",
        "expired": jwt.encode({**claims, "exp": claims["iat"] - 1}, key, "HS256"),
        "signed by another key": jwt.encode(claims, "another key of the same length, or so", "HS256"),
        "unsigned": unsigned(claims),
        "of another account": jwt.encode({**claims, "sub": "999999"}, key, "HS256"),
        "of an account that is no number": jwt.encode({**claims, "sub": "'; --"}, key, "HS256"),
        "of an older password": jwt.encode({**claims, "ver": 0}, key, "HS256"),
        "ended": ended,
    }


@pytest.mark.parametrize(
    "kind",
    [
        "malformed",
        "empty",
        "expired",
        "signed by another key",
        "unsigned",
        "of another account",
        "of an account that is no number",
        "of an older password",
        "ended",
    ],
)
def test_a_token_that_is_not_good_is_refused(app: Flask, bad_tokens: dict[str, str], kind: str) -> None:
    answer = Caller(app.test_client(), None)(
        "GET", f"{JOBS}/stats", headers={"Authorization": f"Bearer {bad_tokens[kind]}"}
    )
    assert answer.status_code == 401
    assert refusal(answer)["code"] == "unauthorized"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer x y", "nonsense", "\xe9"])
def test_another_kind_of_authorization_is_refused(app: Flask, header: str) -> None:
    answer = Caller(app.test_client(), None)("GET", f"{JOBS}/stats", headers={"Authorization": header})
    assert answer.status_code == 401
    refusal(answer)


# Too much, and the broker away


def test_too_many_requests_are_told_when_to_come_back(app: Flask, admin: Caller) -> None:
    app.config["API_RATE_LIMIT"] = "3 per minute"
    answers = [admin("GET", f"{JOBS}/stats") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 61  # Flask-Limiter rounds up to the second after the window
    assert refusal(answers[3])["code"] == "too_many_requests"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/stats", None),
        ("GET", "/email/stats", None),
        ("GET", "/email/jobs", None),
        ("GET", "/email/some-job", None),
        ("POST", "/email", {"type": "probe"}),
        ("POST", "/email/some-job/retry", None),
        ("DELETE", "/email/some-job", None),
        ("POST", "/email/pause", None),
        ("POST", "/email/clean", None),
        ("POST", "/pause", None),
        ("GET", "/../workers", None),
    ],
)
def test_without_a_broker_one_is_told_to_come_back(
    settings: Settings, accounts: dict[str, User], method: str, path: str, body: Any
) -> None:
    token = tokens.issue(accounts["admin"])
    app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    app.test_client_class = Visitor
    with app.app_context():
        answer = Caller(app.test_client(), token)(method, f"{JOBS}{path}".replace("/jobs/..", ""), json=body)
        db.engine.dispose()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert refusal(answer)["code"] == "queue_unavailable"


def test_a_queue_that_is_switched_off_takes_no_job(settings: Settings, accounts: dict[str, User]) -> None:
    token = tokens.issue(accounts["admin"])
    app = create_app(replace(settings, queue_enabled=False))
    app.test_client_class = Visitor
    with app.app_context():
        answer = Caller(app.test_client(), token)("POST", f"{JOBS}/email", json={"type": "probe"})
        db.engine.dispose()
    assert answer.status_code == 503


# Two at once


def test_of_two_admins_who_retry_the_same_job_one_is_told(
    admin: Caller, calling_as: Callable[[str], Caller], failed: list[str]
) -> None:
    callers = [calling_as("admin"), calling_as("superadmin")] * 2
    with ThreadPoolExecutor(4) as pool:
        for job_id in failed:
            path = f"{JOBS}/email/{job_id}/retry"
            codes = sorted(answer.status_code for answer in pool.map(lambda call, p=path: call("POST", p), callers))
            assert codes == [200, 409, 409, 409]
    assert engine().stats()[1].waiting == 3


def test_of_two_admins_who_remove_the_same_job_one_is_told(admin: Caller, calling_as: Callable[[str], Caller]) -> None:
    callers = [calling_as("admin"), calling_as("superadmin")] * 2
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            path = f"{JOBS}/email/{admin.post('/email', {'type': 'probe'})['id']}"
            codes = sorted(answer.status_code for answer in pool.map(lambda call, p=path: call("DELETE", p), callers))
            assert codes == [200, 404, 404, 404]


def test_removing_and_promoting_the_same_job_at_once_breaks_nothing(
    admin: Caller, calling_as: Callable[[str], Caller]
) -> None:
    callers = [calling_as("admin"), calling_as("superadmin")]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            job_id = admin.post("/email", {"type": "probe", "options": {"delay": 60}})["id"]
            moves = [("POST", f"{JOBS}/email/{job_id}/promote"), ("DELETE", f"{JOBS}/email/{job_id}")]
            answers = list(pool.map(lambda call, move: call(*move), callers, moves))
            assert answers[1].status_code == 200
            assert answers[0].status_code in (200, 404, 409)
    assert admin.get("/email/stats")["total"] == 0
