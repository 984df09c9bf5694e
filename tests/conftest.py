"""What tests share: a real broker, both databases, an application on them.

A test that takes `app` or `database_url` runs once on SQLite and once on PostgreSQL; a module whose behaviour does not
depend on the database says `pytestmark = on_sqlite` (from tests.servers).
"""

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from werkzeug.test import TestResponse

from gnb import create_app, jobs, logs
from gnb.blueprints.shared.extensions import limiter
from gnb.config import Settings
from gnb.extensions import db
from gnb.services import queues
from tests.fault_table import fault, print_table
from tests.servers import Broker, Postgres

__all__ = ["fault"]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the test, never from the developer's shell, nor anything from the test before."""
    for name in list(os.environ):
        if name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "PORT", "OPENAI_API_KEY", "SENTRY_DSN"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # every process that a test starts would compile anew
    monkeypatch.setenv("APP_ENV", "testing")
    # Flask-Limiter remembers a broker that was away beyond the application that met it, and would count elsewhere.
    monkeypatch.setattr(limiter, "_storage_dead", False)


@pytest.fixture(scope="session")
def broker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Valkey server for all tests of this worker process."""
    server = Broker(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(broker_server: Broker) -> Broker:
    """An empty broker: `url` by its Unix socket, `tcp_url` by its port."""
    with redis.Redis.from_url(broker_server.url) as client:
        client.flushall()
    return broker_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this worker process."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_database(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with every table, which each test leaves empty."""
    postgres.execute("CREATE DATABASE gnb")
    _make_tables(postgres.url("gnb"))
    return "gnb"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database with every table; a test that changes the tables themselves runs on SQLite."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        for left in template.parent.glob("gnb.db*"):
            left.unlink()
        shutil.copy(template, template.with_name("gnb.db"))
        yield f"sqlite:///{template.with_name('gnb.db')}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name: str = request.getfixturevalue("postgresql_database")
    yield server.url(name)
    server.empty(name)


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have all applications of this worker process share the compiled templates."""
    before = Flask.jinja_options
    Flask.jinja_options = {**before, "bytecode_cache": FileSystemBytecodeCache(str(tmp_path_factory.mktemp("jinja")))}
    yield
    Flask.jinja_options = before


@pytest.fixture
def settings(database_url: str, broker: Broker) -> Settings:
    """The settings of a test's application; change one with `dataclasses.replace`."""
    return make_settings(DATABASE_URL=database_url, REDIS_URL=broker.url)


_applications: dict[str, tuple[Flask, Any]] = {}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application on the test's own database and broker, inside its application context.

    Tests with the same settings share it: filling its caches, such as those of SQL and templates, takes longer than
    most tests. What a test changes in its configuration, extensions and views is put back; one that adds routes or
    listeners, or makes another application, which takes over the extensions, leaves it to no other test.
    """
    app, storage = _applications.pop(str(asdict(settings)), (None, None))
    if app is None or limiter._storage is not storage:
        _applications.clear()
        app = create_app(settings)
        app.test_client_class = Visitor
    logs.configure(settings)
    jobs.bind(app)
    limiter._fallback_storage.reset()  # where it counts while a busy broker does not answer in time
    app.extensions["engine"] = queues.make_engine(settings)
    changeable: tuple[dict[str, Any], ...] = (app.config, app.extensions, app.view_functions)
    before, shape, storage = [dict(each) for each in changeable], _shape(app), limiter._storage
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
        before[1]["engine"].broker.client.connection_pool.disconnect()
    unchanged = _shape(app) == shape and limiter._storage is storage
    for each, contents in zip(changeable, before, strict=True):
        each.clear()
        each.update(contents)
    if unchanged:
        _applications[str(asdict(settings))] = app, storage


def _shape(app: Flask) -> list[int]:
    """Count what only a fresh application can be without."""
    listeners = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    return [len(app.view_functions), *(len(found) for each in listeners for found in each.values())]


class Visitor(FlaskClient):
    """A client whose every request has an application context of its own, as in a server, and not the test's."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor who has not signed in."""
    return app.test_client()


def make_settings(**variables: str) -> Settings:
    """Settings as these variables make them."""
    return Settings.from_env({"APP_ENV": "testing", "SECRET_KEY": "a key for tests, long enough to sign", **variables})


def _make_tables(url: str) -> None:
    """Brings an empty database to what the migrations make."""
    app = create_app(replace(make_settings(DATABASE_URL=url), redis_url="redis://127.0.0.1:1/0"))
    with app.app_context():
        if Path(app.extensions["migrate"].directory, "versions").is_dir():
            from flask_migrate import upgrade

            upgrade()
        else:
            db.create_all()
        db.engine.dispose()


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what the imports made, and wait for more than its default of 700 objects.

    Every test's application is garbage afterwards; by default, looking for it takes a third of the time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table of the faults, where the run had any."""
    print_table(terminalreporter)
