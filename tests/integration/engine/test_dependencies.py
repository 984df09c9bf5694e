"""Jobs that depend on others: they run once, after the last of their parents, whatever becomes of those."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis
from rq import Queue as RQQueue
from rq.job import Dependency

from gnb.queueing import Engine, InvalidJobOption, InvalidJobState, Job, Queue
from gnb.queueing.maintenance import resolve_dependents
from gnb.queueing.worker.commands import request_stop
from gnb.queueing.worker.loop import start_process

from .conftest import Workers, wait_for

Work = Callable[..., None]
PATH = "tests.integration.engine.types."
EMAIL = ("email",)
BOTH = ("email", "export")


@pytest.fixture
def client(engine: Engine) -> Iterator[Any]:
    with redis.Redis.from_url(engine.url) as connection:
        yield connection


@pytest.fixture
def work(engine: Engine) -> Work:
    """Runs jobs in `processes` worker processes until none waits."""

    def run(*queues: str, processes: int = 1) -> None:
        names = queues or EMAIL
        pids = [start_process(engine, names, f"worker-{number}", True, 0) for number in range(processes)]
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0

    return run


@pytest.fixture
def export(engine: Engine) -> Queue:
    return engine.queue("export")


def states(queue: Queue, *jobs: Job) -> list[str]:
    return [queue.job(job.id).state for job in jobs]


def leftovers(client: Any) -> list[str]:
    """Keys that dependencies use and that nothing removes by time."""
    patterns = ("rq:job:*:dependents", "rq:job::*", "gnb:ended", "gnb:ended:*", "rq:deferred:*")
    return [key.decode() for pattern in patterns for key in client.scan_iter(pattern)]


# After the parents


def test_a_job_runs_after_its_parents_on_other_queues_and_reads_what_they_returned(
    engine: Engine, queue: Queue, export: Queue, work: Work, client: Any
) -> None:
    first, second = queue.enqueue("numbered", {"n": 3}), queue.enqueue("numbered", {"n": 4})
    total = export.enqueue("total", depends_on=[first, second.id])
    assert (total.state, export.job(total.id).state) == ("deferred", "deferred")
    work("export")
    assert (export.job(total.id).state, engine.stats()[1].deferred, engine.stats()[1].total) == ("deferred", 1, 1)
    work(*BOTH)
    assert export.job(total.id).return_value == {first.id: 3, second.id: 4}
    assert leftovers(client) == []


def test_a_job_whose_parents_have_all_completed_waits_for_nothing(queue: Queue, work: Work, client: Any) -> None:
    parents = [queue.enqueue("numbered", {"n": n}) for n in (1, 2)]
    work()
    job = queue.enqueue("sum", {"n": 10}, depends_on=parents)
    assert job.state == "waiting"
    work()
    assert queue.job(job.id).return_value == 13
    assert leftovers(client) == []


def test_parents_that_end_at_the_same_moment_start_their_job_once(
    queue: Queue, export: Queue, work: Work, client: Any
) -> None:
    jobs = []
    queue.pause()
    for _ in range(150):
        parents = queue.enqueue_many([("noop", {}, {}), ("noop", {}, {})])
        jobs.append(export.enqueue("total", depends_on=parents))
    queue.resume()
    work(processes=2)
    work("export", processes=2)
    assert [len(export.attempts(job.id)) for job in jobs] == [1] * len(jobs)
    assert leftovers(client) == []


def test_a_chain_runs_in_its_order_and_a_diamond_ends_last(queue: Queue, work: Work, client: Any) -> None:
    chain = [queue.enqueue("sum", {"n": 1})]
    for _ in range(30):
        chain.append(queue.enqueue("sum", {"n": 1}, depends_on=chain[-1]))
    top = queue.enqueue("sum", {"n": 1})
    sides = [queue.enqueue("sum", {"n": 1}, depends_on=top) for _ in range(5)]
    bottom = queue.enqueue("sum", {"n": 1}, depends_on=sides)
    work()
    assert queue.job(chain[-1].id).return_value == 31
    assert queue.job(bottom.id).return_value == 11
    starts = [queue.job(job.id).started_at for job in chain]
    assert all(one < other for one, other in pairwise(starts) if one and other)
    assert leftovers(client) == []


def test_the_jobs_of_one_call_may_depend_on_those_before_them(queue: Queue, work: Work) -> None:
    first, second = queue.enqueue_many(
        [("sum", {"n": 1}, {"job_id": "first"}), ("sum", {"n": 1}, {"depends_on": "first"})]
    )
    assert (first.state, second.state) == ("waiting", "deferred")
    work()
    assert queue.job(second.id).return_value == 2


def test_more_dependents_than_one_step_takes_run_all_and_once(
    engine: Engine, queue: Queue, work: Work, client: Any
) -> None:
    parent = queue.enqueue("noop")
    jobs = queue.enqueue_many([("noop", {}, {"depends_on": parent})] * 1000)
    work()
    assert client.exists("gnb:ended") == 1
    resolve_dependents(engine)
    work()
    assert queue.jobs("completed", 0, 0).total == 1001
    assert {len(queue.attempts(job.id)) for job in jobs} == {1}
    assert leftovers(client) == []


def test_a_supervisor_goes_on_with_the_dependents_of_a_parent_that_has_many(
    queue: Queue, start: Callable[..., Workers]
) -> None:
    parent = queue.enqueue("noop")
    queue.enqueue_many([("noop", {}, {"depends_on": parent})] * 500)
    start()
    wait_for(lambda: queue.jobs("completed", 0, 0).total == 501)


def test_the_delay_of_a_job_counts_from_the_end_of_its_parents(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("noop")
    job = queue.enqueue("noop", depends_on=parent, delay=60)
    assert job.state == "deferred"
    time.sleep(1)
    work()
    delayed = queue.job(job.id)
    assert delayed.state == "delayed"
    assert delayed.run_at is not None
    assert (delayed.run_at - queue.broker.now()).total_seconds() > 58


def test_a_job_still_runs_after_a_parent_that_is_removed_when_it_completes(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("numbered", {"n": 1}, remove_on_complete=True)
    job = queue.enqueue("sum", {"n": 1}, depends_on=parent)
    work()
    assert queue.job(job.id).return_value == 1
    with pytest.raises(InvalidJobOption, match="there is no such job"):
        queue.enqueue("noop", depends_on=parent)


def test_a_retried_parent_is_not_yet_an_end(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("flaky")
    job = queue.enqueue("sum", {"n": 0}, depends_on=parent, on_parent_failure="cancel")
    work()
    assert queue.job(job.id).return_value == 3


# Parents that fail, are stopped, removed or drained


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({}, "deferred"),
        ({"on_parent_failure": "wait"}, "deferred"),
        ({"on_parent_failure": "run"}, "completed"),
        ({"on_parent_failure": "cancel"}, "failed"),
    ],
)
@pytest.mark.parametrize("fate", ["failed", "failed before", "removed", "drained"])
def test_a_job_waits_runs_or_is_cancelled_as_it_says_when_a_parent_does_not_complete(
    queue: Queue, export: Queue, work: Work, client: Any, options: dict[str, Any], state: str, fate: str
) -> None:
    good = queue.enqueue("noop")
    work()
    parent = queue.enqueue("final")
    if fate == "failed before":
        work()
    job = export.enqueue("total", depends_on=[good, parent], **options)
    if fate == "removed":
        queue.remove(parent.id)
    elif fate == "drained":
        queue.drain()
    work(*BOTH)
    found = export.job(job.id)
    assert found.state == state
    (_, before), _ = export.relatives(found.id)
    assert before.state == ("failed" if fate.startswith("failed") else "removed")
    if state == "failed":
        word = "ParentFailed" if before.state == "failed" else "ParentRemoved"
        sentence = (
            f"{word}: the job {parent.id}, for which it waited, {'failed' if word == 'ParentFailed' else 'was removed'}"
        )
        assert found.failed_reason == sentence
        assert export.jobs("failed").total == 1
    if state == "deferred":
        export.remove(job.id)
    assert leftovers(client) == []


def test_a_stopped_parent_is_a_failed_one(queue: Queue, start: Callable[..., Workers]) -> None:
    parent = queue.enqueue("sleep", {"seconds": 30})
    waits, runs, fails = (
        queue.enqueue("noop", depends_on=parent, on_parent_failure=mode) for mode in ("wait", "run", "cancel")
    )
    start()
    wait_for(lambda: queue.job(parent.id).state == "active")
    wait_for(lambda: request_stop(queue.broker, queue.keys, parent.id))
    wait_for(lambda: queue.job(runs.id).state == "completed")
    assert states(queue, parent, waits, fails) == ["failed", "deferred", "failed"]


def test_a_job_that_waits_for_a_failed_parent_says_so_and_runs_when_that_is_retried(
    queue: Queue, work: Work, client: Any
) -> None:
    parent = queue.enqueue("boom", attempts=1)
    job = queue.enqueue("noop", depends_on=parent)
    work()
    waiting = queue.job(job.id)
    assert (waiting.state, waiting.depends_on) == ("deferred", (parent.id,))
    ((before,), _) = queue.relatives(waiting.id)
    assert (before.id, before.state, before.error) == (parent.id, "failed", "ValueError: broken on attempt 1")
    client.hset(f"rq:job:{parent.id}", "data", f'["{PATH}noop",null,[],{{}}]')
    queue.retry(parent.id)
    work()
    assert states(queue, parent, job) == ["completed", "completed"]
    assert leftovers(client) == []


def test_a_cancelled_job_cancels_those_that_want_it_and_counts_as_failed(
    engine: Engine, queue: Queue, export: Queue, work: Work, client: Any
) -> None:
    parent = queue.enqueue("final")
    chain = [parent]
    for _ in range(40):
        chain.append(queue.enqueue("noop", depends_on=chain[-1], on_parent_failure="cancel"))
    runs = export.enqueue("total", depends_on=chain[-1], on_parent_failure="run")
    waits = queue.enqueue("noop", depends_on=chain[-1])
    work(*BOTH)
    assert set(states(queue, *chain)) == {"failed"}
    assert (export.job(runs.id).state, queue.job(waits.id).state) == ("completed", "deferred")
    assert engine.stats()[0].processed_failed == 41
    queue.retry(chain[-1].id)
    work()
    assert states(queue, chain[-1], waits) == ["completed", "completed"]
    assert leftovers(client) == []


def test_of_two_failed_parents_one_retried_is_not_enough(queue: Queue, work: Work, client: Any) -> None:
    parents = [queue.enqueue("boom", attempts=1) for _ in range(2)]
    job = queue.enqueue("noop", depends_on=parents)
    work()
    for parent, state in zip(parents, ("deferred", "completed"), strict=True):
        client.hset(f"rq:job:{parent.id}", "data", f'["{PATH}noop",null,[],{{}}]')
        queue.retry(parent.id)
        work()
        assert queue.job(job.id).state == state


def test_a_parent_that_is_run_again_does_not_start_its_dependents_again(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("noop")
    job = queue.enqueue("noop", depends_on=parent)
    work()
    queue.run_again(parent.id)
    later = queue.enqueue("noop", depends_on=parent)
    assert later.state == "deferred"
    work()
    assert [len(queue.attempts(each.id)) for each in (parent, job, later)] == [2, 1, 1]


def test_a_parent_that_loses_its_worker_too_often_is_a_failed_one(queue: Queue, start: Callable[..., Workers]) -> None:
    parent = queue.enqueue("kill-worker")
    job = queue.enqueue("noop", depends_on=parent, on_parent_failure="cancel")
    start()
    wait_for(lambda: queue.job(job.id).state == "failed", 40)
    assert len(queue.attempts(parent.id)) == 3


def test_a_removed_parent_that_is_enqueued_again_under_its_id_starts_who_still_waits(queue: Queue, work: Work) -> None:
    queue.enqueue("noop", job_id="parent")
    job = queue.enqueue("noop", depends_on="parent")
    queue.remove("parent")
    queue.enqueue("noop", job_id="parent")
    work()
    assert queue.job(job.id).state == "completed"


# Rejected


def test_an_unknown_parent_is_rejected_by_its_name_and_nothing_is_enqueued(queue: Queue) -> None:
    known = queue.enqueue("noop")
    with pytest.raises(InvalidJobOption, match="depends_on has 'nobody'; there is no such job"):
        queue.enqueue("noop", depends_on=[known, "nobody"])
    with pytest.raises(InvalidJobOption, match="'nobody'"):
        queue.enqueue_many([("noop", {}, {}), ("noop", {}, {"depends_on": "nobody"})])
    with pytest.raises(InvalidJobOption, match="'itself'; there is no such job"):
        queue.enqueue("noop", job_id="itself", depends_on="itself")
    assert [queue.jobs(state).total for state in ("waiting", "deferred")] == [1, 0]


def test_a_cycle_over_an_id_that_is_used_again_is_rejected(queue: Queue, client: Any) -> None:
    queue.enqueue("noop", job_id="a")
    queue.enqueue("noop", job_id="b", depends_on="a")
    queue.enqueue("noop", job_id="c", depends_on="b")
    queue.remove("a")
    with pytest.raises(InvalidJobOption, match="depends_on has 'c'; that job waits for this one"):
        queue.enqueue("noop", job_id="a", depends_on="c")
    assert client.exists("rq:job:a") == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depends_on": [7]}, "depends_on has 7; give jobs or their ids"),
        ({"depends_on": "schedule-x"}, "give jobs or their ids"),
        ({"depends_on": [f"job-{number}" for number in range(1001)]}, "give 1,000 at most"),
        ({"on_parent_failure": "explode"}, "give 'wait', 'run' or 'cancel'"),
        ({"on_success": 7}, "give a job type"),
        ({"on_success": "nothing"}, "on_success is 'nothing'; there is no job type"),
        ({"on_failure": "numbered"}, "whose data is not the outcome of a job"),
    ],
)
def test_an_option_that_cannot_be_is_named(queue: Queue, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidJobOption, match=words):
        queue.enqueue("noop", **options)


# By hand


def test_a_deferred_job_can_be_run_without_waiting(queue: Queue, work: Work, client: Any) -> None:
    parent = queue.enqueue("final")
    one, other = (queue.enqueue("noop", depends_on=parent) for _ in range(2))
    work()
    queue.promote(one.id)
    assert queue.promote_many([other.id, parent.id]) == 1
    work()
    assert states(queue, one, other) == ["completed", "completed"]
    assert leftovers(client) == []
    with pytest.raises(InvalidJobState, match="only a delayed or deferred job can be promoted"):
        queue.promote(one.id)


def test_removing_deferred_jobs_leaves_nothing_behind(queue: Queue, client: Any) -> None:
    parents = [queue.enqueue("noop") for _ in range(3)]
    jobs = queue.enqueue_many([("noop", {}, {"depends_on": parents})] * 5)
    queue.remove(jobs[0].id)
    assert queue.remove_many([job.id for job in jobs], "deferred") == 4
    assert leftovers(client) == []


def test_a_deferred_job_changes_its_priority(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("noop")
    job = queue.enqueue("noop", depends_on=parent)
    queue.set_priority(job.id, 1)
    assert (queue.job(job.id).state, queue.job(job.id).priority) == ("deferred", 1)
    work()
    assert queue.job(job.id).state == "completed"


def test_a_job_names_those_that_it_depends_on_and_those_that_depend_on_it(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("noop")
    job = queue.enqueue("noop", depends_on=parent)
    assert [each.id for each in queue.relatives(parent.id)[1]] == [job.id]
    work()
    assert [(each.id, each.state) for each in queue.relatives(parent.id)[1]] == [(job.id, "completed")]
    assert [(each.id, each.name) for each in queue.relatives(job.id)[0]] == [(parent.id, "noop")]


# Callbacks


def test_a_callback_is_enqueued_with_the_outcome_in_the_step_that_ends_the_job(
    engine: Engine, queue: Queue, work: Work
) -> None:
    options = {"on_success": "called-back", "on_failure": "email/called-back"}
    good, bad = queue.enqueue("numbered", {"n": 5}, **options), queue.enqueue("boom", attempts=2, **options)
    work()
    found = {
        job.data["jobId"]: job.return_value
        for job in queue.with_return_values(queue.jobs("completed").jobs)
        if job.name == "called-back"
    }
    assert found == {
        good.id: {
            "job_id": good.id,
            "queue": "email",
            "job_type": "numbered",
            "outcome": "completed",
            "error": "",
            "returned": [5],
        },
        bad.id: {
            "job_id": bad.id,
            "queue": "email",
            "job_type": "boom",
            "outcome": "failed",
            "error": "ValueError: broken on attempt 2",
            "returned": [None],
        },
    }
    assert [each.name for each in queue.relatives(good.id)[1]] == ["called-back"]


def test_a_job_that_is_retried_and_fails_again_calls_back_again(queue: Queue, work: Work) -> None:
    job = queue.enqueue("final", on_failure="called-back")
    work()
    queue.retry(job.id)
    work()
    assert [each.name for each in queue.jobs("completed").jobs] == ["called-back"] * 2


def test_a_cancelled_job_calls_back(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("final")
    job = queue.enqueue("noop", depends_on=parent, on_parent_failure="cancel", on_failure="called-back")
    work()
    (callback,) = queue.jobs("completed").jobs
    assert (callback.data["jobId"], callback.data["outcome"]) == (job.id, "failed")
    assert str(callback.data["error"]).startswith("ParentFailed")


# Plain RQ


@pytest.mark.parametrize("at_front", [True, False])
def test_a_dependent_of_plain_rq_runs_after_a_parent_of_ours(
    queue: Queue, work: Work, client: Any, at_front: bool
) -> None:
    parents = [queue.enqueue("final"), queue.enqueue("noop")]
    stock = RQQueue("email", connection=client, serializer="json")
    dependency = Dependency([parent.id for parent in parents], allow_failure=True, enqueue_at_front=at_front)
    job = stock.enqueue(PATH + "noop", depends_on=dependency)
    last = queue.enqueue("noop")
    assert queue.job(job.id).state == "deferred"
    work()
    assert states(queue, *parents) == ["failed", "completed"]
    assert queue.job(job.id).state == "completed"
    starts = [queue.job(each).started_at for each in (job.id, last.id)]
    assert (starts[0] < starts[1]) is at_front  # type: ignore[operator]
    assert leftovers(client) == []


def test_rqs_dependency_is_taken_as_an_option(queue: Queue, work: Work) -> None:
    parent = queue.enqueue("final")
    job = queue.enqueue("noop", depends_on=Dependency([parent.id], allow_failure=True))
    again = queue.enqueue("noop", depends_on=Dependency(parent.id, allow_failure=True), on_parent_failure="cancel")
    work()
    assert states(queue, job, again) == ["completed", "failed"]
    assert queue.job(job.id).options == {"depends_on": [parent.id]}


def test_a_parent_that_plain_rq_found_finished_and_that_is_forgotten_since_counts_as_met(
    queue: Queue, work: Work, client: Any
) -> None:
    done, parent = queue.enqueue("noop"), queue.enqueue("noop", priority=10)
    work()
    queue.run_again(parent.id)
    job = RQQueue("email", connection=client, serializer="json").enqueue(PATH + "noop", depends_on=[done.id, parent.id])
    queue.remove(done.id)
    work()
    assert queue.job(job.id).state == "completed"
