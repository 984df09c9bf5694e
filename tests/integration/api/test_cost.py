"""What an endpoint costs the broker: so many round trips, however many jobs there are."""

from collections.abc import Callable

import pytest
import redis
from flask import Flask

from gnb.blueprints.shared.extensions import limiter
from gnb.extensions import engine
from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

Trips = Callable[[str], int]


@pytest.fixture
def trips_of_request(app: Flask, admin: Caller, monkeypatch: pytest.MonkeyPatch) -> Trips:
    """How many times a request waits for the broker."""
    waits = [0]
    read = redis.connection.AbstractConnection.read_response
    depth = [0]

    def counting(connection: redis.connection.AbstractConnection, *args: object, **options: object) -> object:
        waits[0] += not depth[0]
        return read(connection, *args, **options)

    pipeline = redis.client.Pipeline.execute

    def as_one(self: redis.client.Pipeline, *args: object, **options: object) -> object:
        waits[0] += not depth[0]
        depth[0] += 1
        try:
            return pipeline(self, *args, **options)
        finally:
            depth[0] -= 1

    def of(path: str) -> int:
        assert admin("GET", JOBS + path).status_code == 200  # connects, and loads the scripts
        waits[0] = 0
        assert admin("GET", JOBS + path).status_code == 200
        return waits[0]

    monkeypatch.setattr(redis.connection.AbstractConnection, "read_response", counting)
    monkeypatch.setattr(redis.client.Pipeline, "execute", as_one)
    return of


@pytest.fixture
def trips(trips_of_request: Trips, monkeypatch: pytest.MonkeyPatch) -> Trips:
    """The same for the endpoint alone, without the count of the request against its address."""
    monkeypatch.setattr(limiter, "enabled", False)
    return trips_of_request


def test_counting_a_request_against_its_limit_costs_one_round_trip(trips_of_request: Trips) -> None:
    assert trips_of_request("/stats") == 2  # with that of the statistics


@pytest.mark.parametrize("jobs", [0, 2000])
def test_the_stats_of_all_queues_cost_one_round_trip(trips: Trips, jobs: int) -> None:
    engine().queue("email").enqueue_many([("probe", {}, {}) for _ in range(jobs)])
    assert trips("/stats") == 1
    assert trips("/email/stats") == 1


@pytest.mark.parametrize("state", ["waiting", "active", "completed", "failed", "delayed", "deferred"])
def test_a_page_of_jobs_costs_at_most_three_round_trips(trips: Trips, state: str) -> None:
    engine().queue("email").enqueue_many([("probe", {}, {"delay": 60 * (n % 2)}) for n in range(200)])
    assert trips(f"/email/jobs?state={state}&start=0&end=50") <= 3


@pytest.mark.parametrize("found", [True, False])
def test_a_search_costs_at_most_three_round_trips(trips: Trips, found: bool) -> None:
    engine().queue("email").enqueue_many([("probe", {}, {}) for _ in range(3000)])
    assert trips(f"/email/jobs?state=waiting&q={'probe' if found else 'nowhere'}&start=0&end=50") <= 3


def test_a_job_costs_at_most_three_round_trips(trips: Trips) -> None:
    job = engine().queue("email").enqueue("probe")
    assert trips(f"/email/{job.id}") <= 3
