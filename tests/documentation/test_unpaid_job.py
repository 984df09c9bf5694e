from datetime import UTC, datetime

import pytest
from flask import Flask

from gnb.extensions import db, engine
from gnb.queueing import InvalidJobData, Job
from gnb.services.queue_service import add_scheduled_job, get_job
from tests.business import make_booking
from tests.documentation import unpaid_job
from tests.integration.engine.conftest import Workers

assert unpaid_job  # importing it declares the job

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def ended(job: Job) -> Job:
    """Return the job after a worker has run all jobs of the queue."""
    db.engine.dispose()
    Workers(engine(), queues=("scheduled",), burst=True).wait()
    return get_job("scheduled", job.id)


def test_the_days_unpaid_bookings_are_listed(app: Flask) -> None:
    make_booking(pickup_at=NOON, status="confirmed", reference="GNBUNPAID1")
    make_booking(pickup_at=NOON, status="paid")

    job = ended(add_scheduled_job("unpaid-bookings", {"day": "2026-12-01"}))

    assert job.return_value == {"day": "2026-12-01", "unpaid": 1}
    assert engine().queue("scheduled").logs(job.id) == ["GNBUNPAID1: 90.00 EUR"]


def test_too_many_unpaid_bookings_fail_the_job_at_its_first_attempt(app: Flask) -> None:
    make_booking(pickup_at=NOON, status="pending")

    job = ended(add_scheduled_job("unpaid-bookings", {"day": "2026-12-01", "most": 0}))

    assert (job.state, job.attempts_made) == ("failed", 1)
    assert "more than 0" in (job.failed_reason or "")


def test_an_invalid_day_is_rejected_when_the_job_is_enqueued(app: Flask) -> None:
    with pytest.raises(InvalidJobData, match="day: Not a valid date"):
        add_scheduled_job("unpaid-bookings", {"day": "tomorrow"})
