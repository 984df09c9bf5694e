"""What Sentry is told of an unexpected error."""

import gzip
from dataclasses import replace

import brotli
import pytest
import sentry_sdk
from pytest_httpserver import HTTPServer
from werkzeug import Request

from gnb import create_app
from gnb.config import Settings
from gnb.queueing import FinalError, JobContext, job_types
from tests.servers import on_sqlite


@on_sqlite
def test_an_unexpected_error_is_reported_without_what_people_typed(settings: Settings, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/1/envelope/").respond_with_data("{}")
    dsn = f"http://key@{httpserver.host}:{httpserver.port}/1"
    app = create_app(replace(settings, app_env="production", sentry_dsn=dsn))

    @app.post("/api/v1/test-error")
    def fail() -> str:
        password = secret("variable")
        raise RuntimeError(f"broken, {len(password)}")

    try:
        headers = {"Authorization": secret("header"), "X-Forwarded-For": secret("address")}
        app.test_client().post(
            "/api/v1/test-error",
            query_string={"q": secret("query")},
            json={"password": secret("body")},
            headers=headers,
        )
        sentry_sdk.flush(10)
    finally:
        sentry_sdk.init()

    sent = "".join(_text(request) for request, _ in httpserver.log)
    assert "broken, 24" in sent
    assert "test-error" in sent
    assert not [place for place in ("variable", "header", "body", "query", "address") if secret(place) in sent]


@on_sqlite
def test_a_job_is_reported_when_its_last_attempt_breaks_down_and_not_for_what_it_says_by_failing(
    settings: Settings, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/api/1/envelope/").respond_with_data("{}")
    create_app(replace(settings, sentry_dsn=f"http://key@{httpserver.host}:{httpserver.port}/1"))
    try:
        _break_down(RuntimeError("broken at last"), attempt=3)
        _break_down(RuntimeError("tried again"), attempt=2)
        _break_down(FinalError("ann@example.com is no address"), attempt=3)
        sentry_sdk.flush(10)
    finally:
        sentry_sdk.init()

    sent = "".join(_text(request) for request, _ in httpserver.log)
    assert "broken at last" in sent
    assert "_break_down" in sent
    assert "tried again" not in sent
    assert "ann@example.com" not in sent


def _break_down(error: Exception, attempt: int) -> None:
    running = JobContext("4711", "email", "send-email", attempt, 3, lambda _keys, _args: None)
    with pytest.raises(type(error)), job_types.scope(running):
        raise error


def secret(place: str) -> str:
    """A word that stands in no source line, which a report may quote."""
    return place[::-1] * 3


def _text(request: Request) -> str:
    decode = {"br": brotli.decompress, "gzip": gzip.decompress}.get(request.headers.get("Content-Encoding", ""), bytes)
    return decode(request.data).decode()
