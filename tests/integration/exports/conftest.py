"""Bookings whose names are as nasty as people's are, and workers of the export queue."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.models import PAYMENT_METHODS, STATUSES, Booking
from tests.business import make_tour, new_booking
from tests.integration.api.conftest import accounts, admin, calling_as
from tests.integration.engine.conftest import Workers

__all__ = ["accounts", "admin", "calling_as"]

NAMES = (
    "Ayşe Yılmaz",
    'Pat "the Cat" O\'Brien, jr.',
    '=HYPERLINK("http://example.com","x")',
    "+90 532",
    "-1+1",
    "@SUM(A1)",
    "＝1+1",
    "\tTab",
    "\r\nNew line first",
    'Two\nLines, "quoted"\r\nand more',
    "محمد علي",
    "Žofie Müller-Øst",
    "'apostrophe",
    "100% of %s and %w \\ back",
    " leading space",
    "A",
    "😀 Emoji",
)


@pytest.fixture
def bookings(app: Flask) -> list[Booking]:
    """Three hundred bookings of three tours over some months, one currency, committed."""
    rng = Random(7)
    tours = [
        make_tour(name="Airport → Taksim"),
        make_tour(name='City "by night", 3 h'),
        make_tour(name="=Cappadocia"),
    ]
    start = datetime(2026, 1, 1, 20, 0, tzinfo=UTC)
    made = []
    for number in range(300):
        pickup = start + timedelta(minutes=rng.randrange(200_000))
        booking = new_booking(
            tours[rng.randrange(3)],
            passengers=[],
            customer_name=NAMES[number % len(NAMES)],
            adults=rng.randint(1, 4),
            pickup_at=pickup,
            created_at=pickup - timedelta(days=rng.randint(1, 60), microseconds=rng.randrange(10**6)),
            amount=Decimal(rng.randrange(100_000)).scaleb(-2),
            status=STATUSES[rng.randrange(len(STATUSES))],
            payment_method=PAYMENT_METHODS[rng.randrange(len(PAYMENT_METHODS))],
            language=("en", "tr", "de")[rng.randrange(3)],
        )
        made.append(booking)
    db.session.commit()
    return made


@pytest.fixture
def start_workers(app: Flask) -> Iterator[Callable[..., Workers]]:
    """Starts workers of the export queue; those still there at the end of the test are killed."""
    started: list[Workers] = []

    def start(burst: bool = True) -> Workers:
        db.session.remove()
        db.engine.dispose()
        workers = Workers(engine(), queues=("export",), burst=burst)
        started.append(workers)
        if burst:
            assert workers.wait(60) == 0
            db.session.remove()
        return workers

    yield start
    for workers in started:
        if workers.pid:
            workers.kill()
