"""Each check of `flask doctor` fails for what it is there for, against real servers, and is content otherwise."""

import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from flask import Flask

from gnb import create_app
from gnb.config import ROOT, Settings
from gnb.extensions import db, engine
from gnb.queueing import Scheduler
from gnb.services.doctor import broker as broker_check
from gnb.services.doctor import database as database_check
from tests.faults.test_exports import full_at
from tests.integration.doctor.conftest import Examine
from tests.integration.engine.conftest import Workers, wait_for
from tests.servers import Broker, Postgres, on_postgresql, on_sqlite

assert full_at

# Configuration


@on_sqlite
def test_what_production_should_not_leave_at_its_default_is_warned_of(examine: Examine) -> None:
    assert "TRUSTED_PROXIES" in _only(examine, site_url="https://gnb.example", site_url_given=True)
    assert "SITE_URL is not set" in _only(examine)
    assert "no TLS" in _only(examine, site_url="http://gnb.example", site_url_given=True)
    good = {"site_url": "https://gnb.example", "site_url_given": True, "trusted_proxies": 1}
    assert "can be guessed" in _only(examine, **good, secret_key="short")
    assert examine(**good)["configuration"]["state"] == "ok"


def _only(examine: Examine, **changes: Any) -> str:
    finding = examine("--before-start", **changes)["configuration"]
    assert finding["state"] == "warning"
    assert finding["remedy"]
    return finding["message"]


# Database


def test_a_database_at_the_newest_migration_is_fine(examine: Examine) -> None:
    found = examine("--before-start")
    assert (found["database"]["state"], found["migrations"]["state"]) == ("ok", "ok")
    assert found["database"]["message"].startswith(("SQLite 3.", "PostgreSQL 1"))


@on_sqlite
@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/gnb.db", "postgresql+psycopg://gnb:hunter2@127.0.0.1:1/gnb"]
)
def test_a_database_that_does_not_answer_is_a_problem(examine: Examine, url: str) -> None:
    finding = examine("--before-start", database_url=url)["database"]
    assert (finding["state"], "DATABASE_URL" in finding["remedy"]) == ("problem", True)
    assert "hunter2" not in str(finding)


@on_sqlite
def test_a_database_without_tables_wants_its_migrations(examine: Examine, tmp_path: Path) -> None:
    finding = examine("--before-start", database_url=f"sqlite:///{tmp_path}/empty.db")["migrations"]
    assert (finding["state"], finding["remedy"]) == ("problem", "Run: flask db upgrade")


@on_sqlite
def test_a_database_of_a_newer_release_is_a_problem(examine: Examine, settings: Settings) -> None:
    with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    finding = examine("--before-start")["migrations"]
    assert (finding["state"], "unknown to this release" in finding["message"]) == ("problem", True)


@on_postgresql
def test_more_connections_than_the_server_has_room_for_are_warned_of(examine: Examine) -> None:
    room = examine("--before-start", web_concurrency=1)["connections"]
    assert room["message"].startswith("all processes together open 43 at most")
    assert examine("--before-start", web_concurrency=64)["connections"]["state"] == "warning"


@on_postgresql
def test_a_read_only_database_takes_no_export(examine: Examine, settings: Settings, postgres: Postgres) -> None:
    name = settings.database_url.partition("@/")[2].partition("?")[0]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    finding = examine("--before-start")["storage"]
    assert (finding["state"], "read-only" in finding["message"]) == ("problem", True)


@on_postgresql
def test_a_clock_that_differs_from_the_databases_is_told(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine("--before-start")["clock (database)"]["state"] == "ok"
    monkeypatch.setattr(database_check, "time", SimpleNamespace(time=lambda: time.time() + 5))
    assert examine("--before-start")["clock (database)"]["state"] == "warning"


# All of them


@on_postgresql
def test_the_table_of_the_documentation_has_every_check(examine: Examine) -> None:
    section = (ROOT / "docs/cli.md").read_text().partition("## Checking an installation")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == {name.partition(" ")[0] for name in examine()}


# Broker


@on_sqlite
def test_a_broker_that_does_not_answer_is_a_problem_and_told_once(examine: Examine) -> None:
    found = examine(redis_url="redis://127.0.0.1:1/0")
    assert (found["broker"]["state"], "REDIS_URL" in found["broker"]["remedy"]) == ("problem", True)
    assert "Connection refused" in found["broker"]["message"]
    assert not {"eviction", "persistence", "scheduler"} & set(found)


@on_sqlite
def test_what_the_broker_says_to_a_wrong_address_is_told(examine: Examine, broker: Broker) -> None:
    wrong = {
        broker.tcp_url.replace("//", "//ann:hunter2@"): "invalid username",
        broker.tcp_url.replace("redis", "rediss"): "Timeout connecting",
    }
    for url, words in wrong.items():
        finding = examine("--before-start", redis_url=url)["broker"]
        assert (finding["state"], words in finding["message"]) == ("problem", True), finding
        assert "hunter2" not in str(finding)


@on_sqlite
def test_a_broker_that_may_evict_jobs_is_a_problem(examine: Examine, client: Any) -> None:
    assert examine("--before-start")["eviction"]["state"] == "ok"
    client.config_set("maxmemory-policy", "allkeys-lru")
    finding = examine("--before-start")["eviction"]
    assert (finding["state"], "maxmemory-policy noeviction" in finding["remedy"]) == ("problem", True)


@on_sqlite
def test_a_broker_that_is_nearly_full_is_warned_of(examine: Examine, client: Any) -> None:
    assert examine("--before-start")["memory"]["state"] == "ok"
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.15))
    assert examine("--before-start")["memory"]["state"] == "warning"
    client.config_set("maxmemory", 1)
    assert examine("--before-start")["memory"]["state"] == "problem"


@on_sqlite
def test_what_a_crash_of_the_broker_loses_is_told(examine: Examine, client: Any, tmp_path: Path) -> None:
    assert "a restart loses every job" in examine("--before-start")["persistence"]["message"]
    client.config_set("save", "3600 1")
    assert "since the last snapshot" in examine("--before-start")["persistence"]["message"]
    durable = Broker(tmp_path / "durable", durable=True)
    durable.start()
    try:
        assert examine("--before-start", redis_url=durable.url)["persistence"]["state"] == "ok"
    finally:
        durable.stop()


@on_sqlite
def test_a_broker_that_cannot_write_to_its_disk_is_a_problem(examine: Examine, tmp_path: Path) -> None:
    own = Broker(tmp_path / "own")
    own.start()
    try:
        with redis.Redis.from_url(own.tcp_url) as client:
            shutil.rmtree(tmp_path / "own")
            client.bgsave()
            wait_for(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        finding = examine("--before-start", redis_url=own.tcp_url)["persistence"]
        assert (finding["state"], "its disk" in finding["message"]) == ("problem", True)
    finally:
        own.kill()


@on_sqlite
def test_a_replica_is_a_problem(examine: Examine, tmp_path: Path) -> None:
    own = Broker(tmp_path / "own")
    own.start()
    try:
        with redis.Redis.from_url(own.tcp_url) as client:
            client.replicaof("127.0.0.1", 1)
        finding = examine("--before-start", redis_url=own.tcp_url)["broker"]
        assert (finding["state"], "replica" in finding["message"]) == ("problem", True)
    finally:
        own.stop()


@on_sqlite
def test_a_provider_that_hides_its_configuration_is_asked_nothing_else(
    examine: Examine, broker: Broker, client: Any
) -> None:
    client.acl_setuser(
        "managed", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-config"]
    )
    try:
        found = examine("--before-start", redis_url=broker.tcp_url.replace("//", "//managed:pw@"))
    finally:
        client.acl_deluser("managed")
    assert (found["eviction"]["state"], found["persistence"]["state"]) == ("ok", "warning")
    assert "the provider does not say" in found["persistence"]["message"]


@on_sqlite
def test_a_user_who_may_not_run_info_is_no_problem(examine: Examine, broker: Broker, client: Any) -> None:
    client.acl_setuser("app", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-info"])
    try:
        found = examine("--before-start", redis_url=broker.tcp_url.replace("//", "//app:pw@"))
    finally:
        client.acl_deluser("app")
    assert (found["broker"]["state"], "may not run INFO" in found["broker"]["message"]) == ("warning", True)


@on_sqlite
def test_a_disk_that_is_full_under_sqlite_is_named(
    examine: Examine, settings: Settings, full_at: Callable[[int], None]
) -> None:
    full_at(4096)  # less than a page and its frame in the file that is written ahead
    found = examine("--before-start")
    answer = create_app(settings).test_client().get("/readyz")
    full_at(-1)
    assert (found["database"]["state"], "disk" in found["database"]["remedy"]) == ("problem", True)
    assert (answer.status_code, answer.json["data"]["database"]) == (503, "away")


@on_sqlite
def test_a_database_that_is_away_is_not_said_to_have_a_full_disk(examine: Examine) -> None:
    found = examine("--before-start", database_url="postgresql+psycopg://gnb@127.0.0.1:1/gnb")["storage"]
    assert (found["state"], "disk" in found["remedy"], "DATABASE_URL" in found["remedy"]) == ("problem", False, True)


@on_sqlite
def test_a_clock_that_differs_from_the_brokers_is_told(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine("--before-start")["clock (broker)"]["state"] == "ok"
    monkeypatch.setattr(broker_check, "time", SimpleNamespace(time=lambda: time.time() - 90))
    assert examine("--before-start")["clock (broker)"]["state"] == "problem"


@on_sqlite
def test_without_queueing_nobody_is_missed(examine: Examine) -> None:
    found = examine(queue_enabled=False, redis_url="redis://127.0.0.1:1/0")
    assert found["broker"]["state"] == "warning"
    assert "scheduler" not in found


# Workers and scheduler


@on_sqlite
def test_queues_without_workers_are_a_problem_until_some_live(app: Flask, examine: Examine) -> None:
    assert examine()["workers (email)"]["remedy"] == "Start: flask jobs worker email"
    db.engine.dispose()
    workers = Workers(engine())
    try:
        wait_for(lambda: engine().stats()[1].workers)
        assert examine()["workers (email)"]["state"] == "ok"
        engine().queue("email").pause()
        assert examine()["workers (email)"]["state"] == "warning"
    finally:
        workers.stop()


@on_sqlite
def test_nobody_leading_is_a_problem_until_a_scheduler_does(app: Flask, examine: Examine) -> None:
    assert examine()["scheduler"]["state"] == "problem"
    Scheduler(engine(), []).tick()
    assert examine()["scheduler"]["state"] == "ok"
