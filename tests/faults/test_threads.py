"""Thirty-two threads ask at once, with the broker and without it: none is answered by an error of ours."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask

from gnb import create_app
from gnb.blueprints.shared.extensions import limiter
from gnb.config import Settings
from gnb.extensions import db
from tests.business import make_tour
from tests.faults.sizes import sizes
from tests.servers import on_sqlite

THREADS = 32
PATHS = ("/healthz", "/api/v1/tours", "/api/v1/tours/ist-fatih", "/tours", "/api/v1/bookings", "/nowhere")


def ask(app: Flask, requests: int) -> Counter[int]:
    """The statuses of so many requests, each from an address of its own, so that new counts begin all the time."""

    def one(number: int) -> int:
        source = {"REMOTE_ADDR": f"10.{number % 200}.{number // 200 % 200}.{number % 7}"}
        with app.app_context():
            status = app.test_client().get(PATHS[number % len(PATHS)], environ_base=source).status_code
            db.session.remove()
        return status

    with ThreadPoolExecutor(THREADS) as threads:
        return Counter(threads.map(one, range(requests)))


@on_sqlite
@sizes(short=320, long=20_000, seconds=800)
@pytest.mark.parametrize("broker_there", [True, False])
def test_no_request_of_many_at_once_ends_in_a_server_error(
    settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch, size: int, broker_there: bool
) -> None:
    make_tour(slug="ist-fatih")
    db.session.remove()
    if not broker_there:
        app = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0"))
    statuses = ask(app, size)
    assert {status for status in statuses if status >= 500} == set(), statuses
    assert statuses[200] > size // 3
    monkeypatch.setattr(limiter, "_storage_dead", False)
