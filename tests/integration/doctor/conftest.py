"""`flask doctor` on the test's own servers, with settings that a test changes."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import redis
from click.testing import Result
from flask import Flask

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from tests.servers import Broker

Found = dict[str, dict[str, str]]
Examine = Callable[..., Found]


def run_doctor(app: Flask, *options: str) -> Result:
    """`flask doctor` in that application."""
    result = app.test_cli_runner().invoke(args=["doctor", *options])
    assert result.exit_code in (0, 3), result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def examine(settings: Settings) -> Iterator[Examine]:
    """Runs `flask doctor --json` with the test's settings and what is changed in them: each finding by its check."""
    with ExitStack() as stack:

        def examine(*options: str, **changes: Any) -> Found:
            app = create_app(replace(settings, **changes))
            with app.app_context():
                stack.callback(_close, app)
                found = json.loads(run_doctor(app, "--json", *options).stdout)
            return {finding["check"]: finding for finding in found}

        yield examine


def _close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(broker: Broker) -> Iterator[Any]:
    """A client of the test's broker whose configuration is as it was when the test ends."""
    with redis.Redis.from_url(broker.url) as client:
        names = ("maxmemory", "maxmemory-policy", "save")
        before = {name: client.config_get(name)[name] for name in names}
        yield client
        for name, value in before.items():
            client.config_set(name, value)
