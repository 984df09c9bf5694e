"""What /metrics says: the queues' counts from the broker, the business's beside them, and nothing that grows."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from gnb import create_app
from gnb.blueprints.ops.queue_metrics import SECONDS, published
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.queueing import Schedule, Scheduler
from gnb.queueing.metrics import BUCKETS, bucket
from gnb.services import queue_service
from gnb.services.ai import usage
from tests.browser.stage import Stage
from tests.business import make_tour, make_user, new_booking
from tests.conftest import Visitor
from tests.servers import Broker, free_port, on_sqlite

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An application whose one worker has run seven jobs to their ends: four good, two bad, one worse."""
    stage = Stage(tmp_path_factory.mktemp("stage")).start()
    try:
        for number in range(4):
            stage.enqueue(booking=number)
        for number in range(2):
            stage.enqueue(booking=number, ending="bad", attempts=3)
        stage.enqueue(ending="worse")
        stage.start_workers("email")
        stage.until(
            lambda: [(one.completed, one.failed) for one in engine().stats() if one.name == "email"] == [(4, 3)]
        )
        yield stage
    finally:
        stage.stop()


def test_jobs_are_counted_by_their_outcome_and_each_retry_once(stage: Stage) -> None:
    samples = scrape(stage.app.test_client())

    assert value(samples, "queue_broker_up") == 1
    assert value(samples, "queue_jobs_processed_total", queue="email", status="completed") == 4
    assert value(samples, "queue_jobs_processed_total", queue="email", status="failed") == 3
    assert value(samples, "queue_retries_total", queue="email") == 4
    assert value(samples, "queue_stalled_total", queue="email") == 0
    assert value(samples, "queue_jobs_completed", queue="email") == 4
    assert value(samples, "queue_jobs_failed", queue="email") == 3
    assert value(samples, "queue_jobs_processed_total", queue="export", status="completed") == 0


def test_jobs_that_were_not_made_are_counted(app: Flask) -> None:
    for _ in range(3):
        queue_service.add_export_job("users-csv", {"filters": {}}, deduplication={"id": "users"})
    samples = scrape(app.test_client())
    assert value(samples, "queue_jobs_deduplicated_total", queue="export") == 2
    assert value(samples, "queue_jobs_deduplicated_total", queue="email") == 0


def test_a_concurrency_limit_is_shown_where_there_is_one(app: Flask) -> None:
    engine().queue("export").set_limits({"concurrency_limit": 2})
    samples = scrape(app.test_client())
    assert value(samples, "queue_concurrency_limit", queue="export") == 2
    assert ("queue_concurrency_limit", frozenset({("queue", "email")})) not in samples


def test_runs_and_waits_are_counted_in_the_published_buckets(stage: Stage) -> None:
    samples = scrape(stage.app.test_client())
    labels = {"queue": "email", "job_type": "welcome-mail"}

    counts = [
        value(samples, "queue_job_duration_seconds_bucket", le=le, **labels)
        for le in ("0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0", "+Inf")
    ]
    assert counts == sorted(counts)
    assert counts[-1] == value(samples, "queue_job_duration_seconds_count", **labels) == 11
    assert value(samples, "queue_job_duration_seconds_sum", **labels) > 0
    assert value(samples, "queue_job_wait_seconds_count", queue="email") == 11
    assert value(samples, "queue_job_duration_seconds_count", queue="export", job_type="users-csv") == 0


def test_workers_are_counted_by_state(stage: Stage) -> None:
    samples = scrape(stage.app.test_client())
    assert value(samples, "queue_workers", queue="email", state="idle") == 1
    assert value(samples, "queue_workers", queue="email", state="busy") == 0
    assert value(samples, "queue_workers", queue="ai", state="idle") == 0


def test_the_counts_are_the_same_for_an_application_that_has_just_started(stage: Stage) -> None:
    client = create_app(Settings.from_env(stage.variables)).test_client()
    assert value(scrape(client), "queue_jobs_processed_total", queue="email", status="completed") == 4


def test_a_type_that_is_not_declared_makes_no_series_of_its_own(stage: Stage) -> None:
    with stage.app.app_context():
        totals = engine().queue("email").keys.totals
        for number in range(100):
            engine().broker.client.hincrby(totals, f"made-up-{number}|completed|3|3", 1)
    samples = scrape(stage.app.test_client())

    assert value(samples, "queue_job_duration_seconds_count", queue="email", job_type="other") == 100
    assert not [labels for _, labels in samples if any(word.startswith("made-up") for _, word in labels)]
    with stage.app.app_context():
        engine().broker.client.hdel(totals, *[f"made-up-{number}|completed|3|3" for number in range(100)])


def test_promtool_finds_nothing_to_say(stage: Stage) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; install it with: apt-get install -y prometheus"
    client = stage.app.test_client()
    client.get("/login")
    text = client.get("/metrics").data
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("seconds", [*SECONDS, 0.05, 0.3, 7, 59.9, 200, 1000])
def test_a_length_lies_in_the_published_bucket_that_holds_it(seconds: float) -> None:
    counts = [0] * BUCKETS
    counts[bucket(seconds)] = 1
    for bound, count in published(counts):
        assert count == (seconds <= float(bound)), bound


@on_sqlite
def test_depths_pauses_and_the_oldest_wait_are_those_of_the_moment(app: Flask, client: FlaskClient) -> None:
    queue_service.add_export_job("users-csv")
    queue_service.add_export_job("users-csv", delay=3600)
    engine().queue("ai").pause()
    samples = scrape(client)

    assert value(samples, "queue_jobs_waiting", queue="export") == 1
    assert value(samples, "queue_jobs_delayed", queue="export") == 1
    assert 0 <= value(samples, "queue_oldest_waiting_seconds", queue="export") < 60
    assert value(samples, "queue_oldest_waiting_seconds", queue="email") == 0
    assert value(samples, "queue_paused", queue="ai") == 1
    assert value(samples, "queue_paused", queue="export") == 0


@on_sqlite
def test_a_scrape_is_one_round_trip(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    broker, trips = engine().broker, []
    call = broker.call
    monkeypatch.setattr(broker, "call", lambda request: (trips.append(request), call(request))[1])
    scrape(client)
    assert len(trips) == 1


@on_sqlite
def test_with_the_broker_away_that_is_what_is_said_and_nothing_else_of_the_queues(settings: Settings) -> None:
    away = create_app(replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    client = away.test_client()
    client.get("/api/v1/nothing")
    samples = scrape(client)

    assert value(samples, "queue_broker_up") == 0
    names = {name for name, _ in samples}
    assert {name for name in names if not name.startswith("flask_")} == {"queue_broker_up"}
    assert "flask_http_request_total" in names


@on_sqlite
def test_with_the_queue_switched_off_nothing_is_said_of_a_broker(settings: Settings) -> None:
    client = create_app(replace(settings, queue_enabled=False)).test_client()
    assert not [name for name, _ in scrape(client) if name.startswith("queue_")]


@on_sqlite
def test_bookings_are_counted_when_they_are_committed(app: Flask, client: FlaskClient) -> None:
    tour = make_tour()
    new_booking(tour, status="pending")
    db.session.commit()
    new_booking(tour, status="paid")
    db.session.flush()
    db.session.rollback()
    with db.session.begin_nested():
        new_booking(tour, status="confirmed")
    assert value(scrape(client), "bookings_created_total", status="confirmed") == 0
    taken_back = db.session.begin_nested()
    new_booking(tour, status="paid")
    db.session.flush()
    taken_back.rollback()
    db.session.commit()

    samples = scrape(client)
    counted = {s: value(samples, "bookings_created_total", status=s) for s in ("pending", "confirmed", "paid")}
    assert counted == {"pending": 1, "confirmed": 1, "paid": 0}


@on_sqlite
def test_what_the_language_model_costs_is_counted_by_model(app: Flask, client: FlaskClient) -> None:
    for _ in range(2):
        usage.record("gpt-4o-mini", SimpleNamespace(prompt_tokens=1000, completion_tokens=200))
    samples = scrape(client)
    assert value(samples, "language_model_calls_total", model="gpt-4o-mini") == 2
    assert value(samples, "language_model_tokens_total", model="gpt-4o-mini", direction="in") == 2000
    assert value(samples, "language_model_tokens_total", model="gpt-4o-mini", direction="out") == 400
    assert value(samples, "language_model_cost_dollars_total", model="gpt-4o-mini") == pytest.approx(0.00054)


@on_sqlite
def test_a_model_without_a_price_has_no_cost_rather_than_none_to_pay(app: Flask, client: FlaskClient) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], openai_model="house-model")
    for number in range(3):
        usage.record(f"house-model-build-{number}", SimpleNamespace(prompt_tokens=1000, completion_tokens=200))
    samples = scrape(client)
    assert value(samples, "language_model_calls_total", model="house-model") == 3
    assert [name for name, labels in samples if name == "language_model_cost_dollars_total"] == []
    assert {word for _, labels in samples for name, word in labels if name == "model"} == {"house-model"}


@on_sqlite
def test_sign_ins_are_counted_by_way_and_success(app: Flask, client: FlaskClient) -> None:
    user = make_user()
    client.post("/api/v1/auth/login", json={"email": user.email, "password": "not this one"})
    samples = scrape(client)
    assert value(samples, "auth_attempts_total", type="token", success="false") == 1
    assert value(samples, "auth_attempts_total", type="session", success="true") == 0


@on_sqlite
def test_what_was_counted_while_the_broker_was_away_is_added_when_it_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    server = Broker(tmp_path / "broker")
    app = create_app(replace(settings, redis_url=server.tcp_url))
    with app.app_context():
        engine().counters.add("auth_attempts", "token", "true")
        engine().counters.add("auth_attempts", "token", "true")
    server.start()
    try:
        engine_of_app = app.extensions["engine"]
        engine_of_app.broker._try_again_at = 0.0
        assert value(scrape(app.test_client()), "auth_attempts_total", type="token", success="true") == 2
    finally:
        server.stop()


@on_sqlite
def test_schedules_and_their_scheduler_are_shown(app: Flask, client: FlaskClient) -> None:
    engine().schedules.add(Schedule("nightly", "update-sitemap", queue="scheduled", every=3600))
    assert value(scrape(client), "queue_scheduler_leading") == 0
    scheduler = Scheduler(engine())
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    try:
        while not scheduler.leading:
            thread.join(0.05)
        samples = scrape(client)
    finally:
        scheduler.stop()
        thread.join()

    assert value(samples, "queue_scheduler_leading") == 1
    assert value(samples, "queue_schedule_missed_total", schedule="nightly") == 0
    assert value(samples, "queue_schedule_late_seconds", schedule="nightly") == 0


@on_sqlite
def test_the_token_is_wanted_when_there_is_one(settings: Settings) -> None:
    client = create_app(replace(settings, metrics_token="s3cret")).test_client()
    for header in ("", "Bearer wrong", "Bearer ", "Basic czNjcmV0", "Bearer s3cret\u00e9"):
        answer = client.get("/metrics", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.json is not None and answer.json["error"]["code"] == "unauthorized"
        assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200


@on_sqlite
def test_no_visitor_can_multiply_the_series_of_requests(app: Flask) -> None:
    app.test_client_class = Visitor
    client = app.test_client()
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.open("/login", method=f"MADEUP{number}")
        client.get("/healthz")
    samples = scrape(client)

    assert value(samples, "flask_http_request_total", method="GET", status="404") == 20
    rules = {
        dict(labels).get("url_rule") for name, labels in samples if name == "flask_http_request_duration_seconds_count"
    }
    assert rules == {"none"}


@on_sqlite
def test_openmetrics_is_spoken_to_who_asks_for_it(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@on_sqlite
@pytest.mark.parametrize("version", ["x", "", "1.²", "9" * 5000])
def test_whoever_asks_for_a_version_that_is_none_gets_plain_text(client: FlaskClient, version: str) -> None:
    answer = client.get("/metrics", headers={"Accept": f"text/plain; version={version}"})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
