"""A delayed job is moved to another time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gnb.queueing import Engine, InvalidJobOption, InvalidJobState, JobNotFound, Queue
from gnb.queueing.maintenance import promote

from .conftest import Workers, wait_for


@pytest.mark.parametrize("when", [600, "10m", timedelta(minutes=10), lambda: datetime.now(UTC) + timedelta(minutes=10)])
def test_a_delayed_job_is_moved_by_a_delay_or_to_a_time(queue: Queue, when: object) -> None:
    job = queue.enqueue("noop", delay=60, priority=1)
    before = queue.reschedule(job.id, when() if callable(when) else when)  # type: ignore[arg-type]
    moved = queue.job(job.id).run_at
    assert job.run_at is not None and moved is not None
    assert abs((before - job.run_at).total_seconds()) < 0.1
    assert (moved - before).total_seconds() == pytest.approx(540, abs=2)


def test_a_job_moved_to_the_past_runs_at_once(queue: Queue, start: Callable[..., Workers]) -> None:
    job = queue.enqueue("noop", delay=3600)
    start()
    queue.reschedule(job.id, datetime(2020, 1, 1, tzinfo=UTC))
    wait_for(lambda: queue.job(job.id).state == "completed")


def test_a_job_waiting_for_its_retry_is_moved_too(
    engine: Engine, queue: Queue, run_all: Callable[..., None], start: Callable[..., Workers]
) -> None:
    job = queue.enqueue("later")
    run_all()
    queue.reschedule(job.id, 0)
    assert promote(engine) == 1
    assert queue.job(job.id).state == "waiting"


def test_only_a_delayed_job_of_the_queue_is_moved(engine: Engine, queue: Queue) -> None:
    waiting = queue.enqueue("noop")
    with pytest.raises(InvalidJobState, match="is waiting; only a delayed job can be rescheduled"):
        queue.reschedule(waiting.id, 60)
    for job_id in ("gone", queue.enqueue("noop", delay=60).id):
        with pytest.raises(JobNotFound):
            engine.queue("export").reschedule(job_id, 60)


@pytest.mark.parametrize("when", ["soon", -1, datetime(2100, 1, 1, tzinfo=UTC), datetime(1960, 1, 1, tzinfo=UTC)])
def test_a_time_that_cannot_be_is_refused(queue: Queue, when: datetime | int | str) -> None:
    job = queue.enqueue("noop", delay=60)
    with pytest.raises(InvalidJobOption):
        queue.reschedule(job.id, when)
