"""Options that equal the defaults of a job's type are not in its hash, and hold all the same."""

from collections.abc import Callable

from rq.registry import FailedJobRegistry

from gnb.queueing import Engine, Queue

RunAll = Callable[..., None]


def fields(engine: Engine, job_id: str) -> dict[str, str]:
    found = engine.broker.client.hgetall(f"rq:job:{job_id}")
    return {name.decode(): value.decode() for name, value in found.items()}


def test_only_options_that_differ_from_the_defaults_are_in_the_hash(engine: Engine, queue: Queue) -> None:
    plain = {"data", "type", "origin", "status", "created_at", "enqueued_at", "timeout"}
    assert fields(engine, queue.enqueue("boom").id).keys() == plain
    same = queue.enqueue("boom", attempts=3, remove_on_fail={"age": 7 * 86400, "count": 5000})
    assert fields(engine, same.id).keys() == plain | {"opts"}
    other = fields(engine, queue.enqueue("boom", attempts=2, remove_on_complete={"age": 60, "count": 7}).id)
    assert other.keys() - plain == {
        "opts", "attempts", "retries_left", "retry_intervals", "result_ttl", "keep_completed"
    }  # fmt: skip


def test_a_job_shows_the_defaults_of_its_type(queue: Queue) -> None:
    job_id = queue.enqueue("boom").id
    for job in (queue.job(job_id), queue.jobs("waiting").jobs[0]):
        assert (job.attempts_limit, job.attempts_made, job.timeout) == (3, 0, 30)


def test_a_job_runs_by_the_defaults_of_its_type(engine: Engine, queue: Queue, run_all: RunAll) -> None:
    failing, done = queue.enqueue("boom"), queue.enqueue("noop")
    run_all()
    job, attempts = queue.job_and_attempts(failing.id)
    assert (job.state, job.attempts_made, [attempt.number for attempt in attempts]) == ("failed", 3, [3, 2, 1])
    ttl = engine.broker.client.ttl
    assert 7 * 86400 - 60 <= ttl(f"rq:job:{failing.id}") <= 7 * 86400
    assert 86400 - 60 <= ttl(f"rq:job:{done.id}") <= 86400


def test_one_attempt_of_a_type_that_has_more_is_the_only_one(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("boom", attempts=1)
    run_all()
    assert (queue.job(job.id).state, len(queue.attempts(job.id))) == ("failed", 1)


def test_a_retried_job_has_all_attempts_of_its_type_again(queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("boom")
    run_all()
    queue.retry(job.id)
    assert queue.job(job.id).attempts_made == 0
    run_all()
    assert (queue.job(job.id).attempts_made, len(queue.attempts(job.id))) == (3, 6)


def test_options_that_are_in_the_hash_hold_whatever_the_defaults_are(
    engine: Engine, queue: Queue, run_all: RunAll
) -> None:
    job_id = queue.enqueue("boom").id
    written = {"attempts": 2, "retries_left": 1, "retry_intervals": "[0]", "failure_ttl": 900, "timeout": 7}
    engine.broker.client.hset(f"rq:job:{job_id}", mapping=written)
    job = queue.job(job_id)
    assert (job.attempts_limit, job.timeout) == (2, 7)
    run_all()
    assert len(queue.attempts(job_id)) == 2
    assert 840 <= engine.broker.client.ttl(f"rq:job:{job_id}") <= 900


def test_rqs_own_requeue_leaves_a_job_its_timeout(engine: Engine, queue: Queue, run_all: RunAll) -> None:
    job = queue.enqueue("final")
    run_all()
    FailedJobRegistry("email", connection=engine.broker.client, serializer="json").requeue(job.id)
    assert queue.job(job.id).timeout == 30
    run_all()
    assert (queue.job(job.id).state, len(queue.attempts(job.id))) == ("failed", 2)
