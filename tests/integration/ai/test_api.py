"""`/api/v1/recommendations` and `/api/v1/delay-risk`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from gnb.models import Booking, User
from tests.integration.api.conftest import Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

RISK, RECOMMENDATIONS = "/api/v1/delay-risk", "/api/v1/recommendations"
ASKED = {"origin": "IST", "destination": "Fatih", "scheduledTime": "2026-11-27T17:30:00+03:00"}


def test_the_first_to_ask_gets_the_jobs_address_and_the_next_the_answer(
    calling_as: Callable[[str], Caller], driven: list[Booking], run_ai_jobs: Callable[[], None]
) -> None:
    caller = calling_as("user")
    first = caller("POST", RISK, json=ASKED)
    assert first.status_code == 202, first.text
    assert first.headers["Location"] == first.json["data"]["url"]
    assert caller("GET", first.json["data"]["url"]).json["data"]["state"] == "waiting"
    run_ai_jobs()
    watched = caller("GET", first.json["data"]["url"]).json["data"]
    assert watched["state"] == "completed"
    second = caller("POST", RISK, json=ASKED)
    assert second.status_code == 200
    assert second.json["data"]["answer"] == watched["answer"]
    assert second.json["data"]["answer"]["probability"] > 0.3


def test_a_customer_gets_recommendations_for_themselves_alone(
    calling_as: Callable[[str], Caller], accounts: dict[str, User]
) -> None:
    customer, other = calling_as("user"), accounts["driver"].id
    own = customer("POST", RECOMMENDATIONS, json={"options": {"limit": 3}})
    assert own.status_code == 202, own.text
    assert customer("POST", RECOMMENDATIONS, json={"userId": other}).status_code == 403
    assert calling_as("support")("POST", RECOMMENDATIONS, json={"userId": other}).status_code == 202
    assert calling_as("driver")("GET", own.json["data"]["url"]).status_code == 403


def test_strangers_are_asked_to_sign_in(calling_as: Callable[[str | None], Caller]) -> None:
    for path in (RISK, RECOMMENDATIONS):
        assert calling_as(None)("POST", path, json=ASKED).status_code == 401


def test_too_many_questions_from_one_address_have_to_wait(app: Flask, calling_as: Callable[[str], Caller]) -> None:
    app.config["QUESTION_RATE_LIMIT"] = "1 per minute"
    caller = calling_as("user")
    assert [caller("POST", RISK, json=ASKED).status_code for _ in range(2)] == [202, 429]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (RISK, {}, "origin"),
        (RISK, {**ASKED, "origin": "Istambul Airpor"}, "origin"),
        (RISK, {**ASKED, "scheduledTime": "soon"}, "scheduledTime"),
        (RISK, {**ASKED, "colour": "red"}, "colour"),
        (RECOMMENDATIONS, {"options": {"limit": 99}}, "limit"),
        (RECOMMENDATIONS, {"userId": "me"}, "userId"),
    ],
)
def test_what_is_wrong_is_named(
    calling_as: Callable[[str], Caller], path: str, body: dict[str, Any], field: str
) -> None:
    answer = calling_as("user")("POST", path, json=body)
    assert answer.status_code == 422
    assert field in str(answer.json["error"]["details"])


def test_an_unknown_job_and_one_of_another_kind_are_not_found(calling_as: Callable[[str], Caller], app: Flask) -> None:
    caller = calling_as("user")
    job = caller("POST", RISK, json=ASKED).json["data"]["jobId"]
    assert caller("GET", f"{RISK}/nothing").status_code == 404
    assert caller("GET", f"{RECOMMENDATIONS}/{job}").status_code == 404


def test_without_queueing_the_answer_comes_with_the_request(
    app: Flask, calling_as: Callable[[str], Caller], driven: list[Booking]
) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, queue_enabled=False, redis_url="redis://127.0.0.1:1/0")
    caller = calling_as("support")
    risk = caller("POST", RISK, json=ASKED)
    assert (risk.status_code, risk.json["data"]["answer"]["probability"] > 0.3) == (200, True)
    found = caller("POST", RECOMMENDATIONS, json={"options": {"limit": 3}})
    assert (found.status_code, len(found.json["data"]["answer"]["recommendations"]) > 0) == (200, True)
    assert caller("POST", RECOMMENDATIONS, json={"userId": 999_999}).status_code == 404
