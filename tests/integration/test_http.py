"""What holds for every request: headers, ids, hosts, errors in two shapes, health."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, abort, request
from flask.testing import FlaskClient
from sqlalchemy.exc import DataError, IntegrityError

from gnb import create_app
from gnb.config import Settings
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    JobNotFound,
    QueueUnavailable,
    UnknownJobType,
    UnknownQueue,
)
from tests.integration.engine.fronts import Front, as_redis_6_2
from tests.servers import Broker, on_sqlite

pytestmark = on_sqlite

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Flask]:
    """An application to which a test may add views."""
    yield create_app(replace(settings, app_env="production"))


def answer_with(app: Flask, error: BaseException) -> FlaskClient:
    @app.get("/api/v1/test-error")
    def fail() -> str:
        raise error

    return app.test_client()


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ("/healthz", "/no-such-page", "/static/css/app.css"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"


def test_answers_stay_out_of_shared_caches_but_static_files_may_be_kept(client: FlaskClient) -> None:
    assert client.get("/healthz").headers["Cache-Control"] == "private, no-store"
    assert "no-store" not in client.get("/static/css/app.css").headers.get("Cache-Control", "")


def test_a_site_with_tls_says_so_and_keeps_its_cookies_to_it(settings: Settings) -> None:
    app = create_app(replace(settings, site_url="https://gnb.example"))
    assert "max-age=31536000" in app.test_client().get("/healthz").headers["Strict-Transport-Security"]
    assert app.config["SESSION_COOKIE_SECURE"]
    client = app.test_client()
    client.get("/tours?lang=tr")
    for name in ("gnb_session", "language"):
        cookie = client.get_cookie(name)
        assert cookie and cookie.secure and cookie.http_only and cookie.same_site == "Lax"


def test_a_request_keeps_the_id_that_a_proxy_gave_it(client: FlaskClient) -> None:
    given = {"X-Request-ID": "abc-123-def-456"}
    assert client.get("/healthz", headers=given).headers["X-Request-ID"] == "abc-123-def-456"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with spaces and <b>", "täglich-frisch"])
def test_an_id_that_is_none_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert answer != given and len(answer) == 16


def test_a_host_that_is_not_the_sites_is_refused(settings: Settings) -> None:
    app = create_app(replace(settings, app_env="production", site_url="https://gnb.example", site_url_given=True))
    client = app.test_client()
    assert client.get("/healthz", base_url="https://gnb.example").status_code == 200
    assert client.get("/healthz", base_url="http://127.0.0.1:5000").status_code == 200
    assert client.get("/healthz", base_url="http://evil.example").status_code == 400


def test_a_forwarded_address_is_believed_only_from_the_proxies_there_are(settings: Settings) -> None:
    seen = []
    for proxies in (0, 1):
        app = create_app(replace(settings, trusted_proxies=proxies))
        app.add_url_rule("/who", "who", lambda: str(request.remote_addr))
        seen.append(app.test_client().get("/who", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}).text)
    assert seen == ["127.0.0.1", "203.0.113.9"]


def test_a_body_over_the_limit_is_refused(fresh: Flask) -> None:
    fresh.add_url_rule("/api/v1/test-body", "test-body", lambda: str(len(request.get_data())), methods=["POST"])
    answer = fresh.test_client().post("/api/v1/test-body", data=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json and answer.json["error"]["code"] == "request_entity_too_large"


def test_a_program_gets_errors_as_json_and_a_person_as_a_page(client: FlaskClient) -> None:
    program = client.get("/api/v1/no-such-thing")
    assert program.json == {
        "success": False,
        "error": {"code": "not_found", "message": program.json["error"]["message"], "details": None},
    }
    page = client.get("/no-such-page", headers=BROWSER)
    assert page.status_code == 404
    assert page.content_type.startswith("text/html")
    assert "Page not found" in page.text
    assert client.get("/no-such-page", headers={"Accept": "application/json"}).json


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnknownQueue("there is no queue 'x'"), 404, "unknown_queue"),
        (JobNotFound("no job 7"), 404, "job_not_found"),
        (InvalidJobState("job 7 is active"), 409, "invalid_job_state"),
        (UnknownJobType("no type 'y'"), 422, "unknown_job_type"),
        (InvalidJobData({"status": ["Not a status."]}), 422, "invalid_job_data"),
        (InvalidJobOption("priority is 11"), 422, "invalid_job_option"),
        (QueueUnavailable("the broker does not answer"), 503, "queue_unavailable"),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), 422, "invalid"),
        (DataError("INSERT", {}, ValueError("out of range")), 422, "invalid"),
        (lambda: rejected_insert("(1, 1), (1, 1)"), 409, "conflict"),
        ("\ud800".encode, 400, "bad_request"),
    ],
)
def test_what_the_engine_or_the_database_refuses_has_a_status_of_its_own(
    fresh: Flask, error: BaseException | Callable[[], Any], status: int, code: str
) -> None:
    answer = answer_with(fresh, raised_by(error)).get("/api/v1/test-error")
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)


def raised_by(error: BaseException | Callable[[], Any]) -> BaseException:
    if isinstance(error, BaseException):
        return error
    with pytest.raises((UnicodeError, IntegrityError, OverflowError)) as raised:
        error()
    return raised.value


def rejected_insert(rows: str) -> None:
    """Have SQLite reject these rows of a table with a key and a number that is required."""
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE things (id INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
        connection.exec_driver_sql(f"INSERT INTO things VALUES {rows}")


@pytest.mark.parametrize("fault", [lambda: rejected_insert("(1, NULL)"), lambda: date.max + timedelta(days=1)])
def test_a_fault_of_the_application_is_no_bad_input_and_is_logged_with_its_stack(
    fresh: Flask, fault: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    fresh.testing = False
    answer = answer_with(fresh, raised_by(fault)).get("/api/v1/test-error")
    assert answer.status_code == 500
    assert [record.name for record in caplog.records if record.exc_info] == ["gnb"]


def test_an_unexpected_error_is_a_500_that_tells_nothing_but_its_number(fresh: Flask) -> None:
    fresh.testing = False
    answer = answer_with(fresh, RuntimeError("secret detail")).get("/api/v1/test-error")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["X-Request-ID"]


def test_field_errors_are_named_by_field(fresh: Flask) -> None:
    @fresh.get("/api/v1/test-fields")
    def fail() -> None:
        from webargs.flaskparser import abort as abort_with

        abort_with(422, messages={"json": {"status": ["Not a valid choice."]}})

    answer = fresh.test_client().get("/api/v1/test-fields")
    assert answer.json["error"] == {
        "code": "invalid",
        "message": "The data is not valid.",
        "details": {"status": ["Not a valid choice."]},
    }


def test_an_error_keeps_the_headers_that_belong_to_it(fresh: Flask) -> None:
    fresh.add_url_rule("/api/v1/test-only-get", "only-get", lambda: abort(404))
    answer = fresh.test_client().put("/api/v1/test-only-get")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_the_process_is_up_even_with_nothing_around_it(settings: Settings, tmp_path: Path) -> None:
    client = client_of(
        replace(settings, redis_url="redis://127.0.0.1:1/0", database_url=f"sqlite:///{tmp_path}/no/x.db")
    )
    assert client.get("/healthz").status_code == 200


def test_readiness_names_database_and_broker(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["data"] == {"database": "up", "broker": "up"}


def test_readiness_says_which_part_is_away(settings: Settings, tmp_path: Path) -> None:
    without_broker = client_of(replace(settings, redis_url="redis://127.0.0.1:1/0")).get("/readyz")
    assert without_broker.status_code == 503
    assert without_broker.json["data"] == {"database": "up", "broker": "away"}
    without_database = client_of(replace(settings, database_url=f"sqlite:///{tmp_path}/no/x.db")).get("/readyz")
    assert without_database.json["data"] == {"database": "away", "broker": "up"}


def test_readiness_says_which_version_a_broker_that_is_too_old_should_have(settings: Settings, broker: Broker) -> None:
    with Front(broker.server.port, as_redis_6_2) as front:
        answer = client_of(replace(settings, redis_url=front.url)).get("/readyz")
    assert answer.status_code == 503
    assert answer.json["data"]["broker"] == "unsupported"
    assert "The broker is Redis 6.2.4; Redis 7.0, Valkey 7.2 or later is needed." in answer.json["error"]["message"]


def test_without_a_queue_the_broker_is_off_and_not_missed(settings: Settings) -> None:
    answer = client_of(replace(settings, queue_enabled=False, redis_url="redis://127.0.0.1:1/0")).get("/readyz")
    assert answer.status_code == 200
    assert answer.json["data"]["broker"] == "off"


def client_of(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()
