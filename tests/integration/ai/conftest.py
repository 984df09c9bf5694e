"""Transfers to learn from, workers of the ai queue, and a server that speaks OpenAI's protocol."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from flask import Flask
from pytest_httpserver import HTTPServer

from gnb.extensions import db, engine
from gnb.models import HOME_ZONE, Booking
from gnb.services.demo import delays
from tests.business import make_tour, new_booking
from tests.integration.ai.openai_server import OpenAIServer
from tests.integration.api.conftest import accounts, admin, calling_as
from tests.integration.engine.conftest import Workers

__all__ = ["accounts", "admin", "calling_as"]


@pytest.fixture
def driven(app: Flask) -> list[Booking]:
    """Three hundred finished transfers between Istanbul Airport and Fatih, late as the demo data's truth says."""
    rng = Random(5)
    tours = [
        make_tour(city="Istanbul", airport="IST", origin=ends[0], destination=ends[1], distance_km=48)
        for ends in (("IST", "Fatih"), ("Fatih", "IST"))
    ]
    made = []
    for number in range(300):
        pickup = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(300_000))
        truth = delays.Trip("Istanbul", "IST", "Fatih", 48, pickup.astimezone(HOME_ZONE))
        arrival, (before, late) = pickup + timedelta(minutes=60), delays.draw(truth, rng)
        made.append(
            new_booking(
                tours[number % 2],
                passengers=[],
                pickup_at=pickup,
                arrival_at=arrival,
                actual_pickup_at=pickup + before,
                actual_arrival_at=arrival + late,
                status="completed",
            )
        )
    db.session.commit()
    return made


@pytest.fixture
def run_ai_jobs(app: Flask) -> Iterator[Callable[[], None]]:
    """Runs workers of the ai queue until no job waits."""
    started: list[Workers] = []

    def run() -> None:
        db.session.remove()
        db.engine.dispose()
        workers = Workers(engine(), queues=("ai",), burst=True)
        started.append(workers)
        assert workers.wait(60) == 0
        db.session.remove()

    yield run
    for workers in started:
        if workers.pid:
            workers.kill()


@pytest.fixture
def openai_server(app: Flask, httpserver: HTTPServer) -> OpenAIServer:
    """A language model's service, with the application set to use it."""
    server = OpenAIServer(httpserver)
    app.extensions["settings"] = replace(
        app.extensions["settings"], openai_api_key="sk-test", openai_base_url=server.url
    )
    return server
