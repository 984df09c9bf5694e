"""A record that something else wrote: its job fails with a clear reason, and nothing else notices."""

import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from gnb.queueing import InvalidJobData, Queue
from tests.servers import Broker

RunAll = Callable[..., None]

NUMBERS = ("timeout", "retries_left", "result_ttl", "failure_ttl", "keep_completed", "keep_failed", "attempts")
NO_CALL = "InvalidJobData: data: the job's data is not RQ's JSON of a call"


@pytest.fixture
def client(broker: Broker) -> Iterator[Any]:
    with redis.Redis.from_url(broker.url) as client:
        yield client


def _strict(value: Any) -> Any:
    """The value after JSON and UTF-8, which fails for what they do not have."""
    return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())


def test_a_job_with_a_malformed_number_fails_alone_and_names_the_field(
    queue: Queue, run_all: RunAll, client: Any
) -> None:
    texts = [b"soon", b"nan", b"1e400", b"9" * 40, b"1" * 5000, b"\xff\xfe", b"1.5"]
    jobs = {(field, text): queue.enqueue("noop", delay=60).id for field in NUMBERS for text in texts}
    for (field, text), job_id in jobs.items():
        client.hset(f"rq:job:{job_id}", field, text)
    assert {job.id for job in queue.jobs("delayed", 0, 1000).jobs} == set(jobs.values())
    queue.promote_many(jobs.values())
    after = queue.enqueue("noop")
    run_all()
    reasons = {job.id: job.failed_reason for job in queue.jobs("failed", 0, 1000).jobs}
    assert reasons == {
        job_id: f"InvalidJobData: {field}: not a whole number in the job's record"
        for (field, _), job_id in jobs.items()
    }
    assert queue.job(after.id).state == "completed"


def test_a_job_whose_data_is_no_call_fails_alone(queue: Queue, run_all: RunAll, client: Any) -> None:
    calls = [b"[", b"null", b"[1,2]", b"{}", b'["a.b",null,{},{}]', b"[1,null,[],{}]", b'["a.b",null,[],[]]',
             b"[" * 100_000, b"\x80\x04N.", b"\xff", zlib.compress(b'["a.b",null,[],{}]')[:-6],
             zlib.compress(b" " * 100_000_000)]  # fmt: skip
    jobs = {queue.enqueue("noop").id: call for call in calls}
    for job_id, call in jobs.items():
        client.hset(f"rq:job:{job_id}", "data", call)
    after = queue.enqueue("noop")
    waiting = queue.jobs("waiting", 0, 100).jobs
    assert {job.id for job in waiting} == {*jobs, after.id}
    assert all(job.data == {"type": "noop"} for job in waiting)
    run_all()
    assert {job.id: job.failed_reason for job in queue.jobs("failed", 0, 100).jobs} == dict.fromkeys(jobs, NO_CALL)
    assert queue.job(after.id).state == "completed"


def test_a_malformed_time_harms_neither_the_run_nor_the_page(queue: Queue, run_all: RunAll, client: Any) -> None:
    names = ["created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"]
    texts = [b"yesterday", b"\xff", b"2026-01-01T00:00:00", b"-1", b"nan"]
    jobs = {queue.enqueue("noop").id: (name, text) for name in names for text in texts}

    def spoil() -> None:
        for job_id, (name, text) in jobs.items():
            client.hset(f"rq:job:{job_id}", name, text)

    spoil()
    assert {job.id for job in queue.jobs("waiting", 0, 100).jobs} == set(jobs)
    run_all()
    spoil()
    assert {job.id for job in queue.jobs("completed", 0, 100).jobs} == set(jobs)
    assert {queue.job(job_id).state for job_id in jobs} == {"completed"}


OTHERS = ("type", "status", "origin", "opts", "meta", "progress", "progress_message", "error", "stalls",
          "retry_intervals", "worker_name", "description", "key_limit", "held")  # fmt: skip


def test_any_other_malformed_field_leaves_the_queue_readable_and_working(
    queue: Queue, run_all: RunAll, client: Any
) -> None:
    texts = [b"\xff\0", b"nan", b"[[", b'{"a": NaN}', b"[" * 100_000, b'"\\ud800"', b"-" * 5]
    jobs = {queue.enqueue("boom", attempts=2).id: (name, text) for name in OTHERS for text in texts}

    def spoil() -> None:
        for job_id, (name, text) in jobs.items():
            client.hset(f"rq:job:{job_id}", name, text)

    spoil()
    waiting = queue.jobs("waiting", 0, 1000).jobs
    assert {job.id for job in waiting} == set(jobs)
    after = queue.enqueue("noop")
    run_all()
    spoil()
    failed = queue.jobs("failed", 0, 1000).jobs
    assert {job.id for job in failed} == set(jobs)
    for each in waiting + failed:
        _strict([each.data, each.options, each.progress, each.name, each.failed_reason])
    assert queue.failure_groups()
    assert queue.job(after.id).state == "completed"


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "x"},
        {"type": "9", "return_value": b64encode(b"NaN")},
        {"return_value": "$$$"},
        {"type": "1", "return_value": b64encode(b'{"a": Infinity, "b": "\\ud800"}')},
        {"type": "1", "return_value": b64encode(b"[" * 100_000)},
        {"type": "2", "exc_string": "no base64"},
        {"type": "2", "exc_string": b64encode(zlib.compress(b"\xff\0"))},
        {"type": "2", "exc_string": b64encode(zlib.compress(b"x" * 100_000_000))},
        {"type": "2", "attempt": "one", "outcome": b"\xff", "worker_name": b"\xff", "execution_started_at": "1e300"},
    ],
    ids=range(9),
)
def test_a_malformed_result_is_shown_as_far_as_it_can_be(
    queue: Queue, run_all: RunAll, client: Any, entry: dict[str, Any]
) -> None:
    job = queue.enqueue("noop")
    run_all()
    client.delete(f"rq:results:{job.id}")
    client.xadd(f"rq:results:{job.id}", entry)
    found, attempts = queue.job_and_attempts(job.id)
    _strict(
        [found.return_value, found.stacktrace, [(each.return_value, each.error, each.outcome) for each in attempts]]
    )
    _strict(queue.with_return_values([found])[0].return_value)


def test_a_result_is_valid_json_whatever_the_job_returns(queue: Queue, run_all: RunAll) -> None:
    values = {
        "nan": {"a": ["NaN", "Infinity", "-Infinity"]},
        "set": "Unserializable return value",
        "bytes": "Unserializable return value",
        "surrogate": ["half ?", {"nul\ufffd": "a\ufffdb"}],
        "key": "Unserializable return value",
        "itself": "Unserializable return value",
        "huge": "The return value is not kept: its JSON has 2,000,002 characters",
    }
    jobs = {kind: queue.enqueue("strange-result", {"kind": kind}).id for kind in values}
    run_all()
    assert {kind: queue.job(job_id).return_value for kind, job_id in jobs.items()} == _strict(values)


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"to": {"name": "a\0b"}}, {"to": {"name": ["Remove NUL characters and unpaired surrogates."]}}),
        ({"to": ["ok", "\ud83d"]}, {"to": {1: ["Remove NUL characters and unpaired surrogates."]}}),
        ({"a\0": 1}, {"a\ufffd": ["Remove NUL characters and unpaired surrogates."]}),
    ],
)
def test_text_that_cannot_be_stored_is_rejected_with_its_field(
    queue: Queue, data: dict[str, Any], errors: dict[str, Any]
) -> None:
    with pytest.raises(InvalidJobData) as raised:
        queue.enqueue("echo", data)
    assert raised.value.errors == errors
    assert queue.enqueue("echo", {"emoji": "\U0001f468\u200d\U0001f469", "text": "\\u0000"}).state == "waiting"


@pytest.mark.parametrize("data", [{"n": float("nan")}, {"n": {1}}, {"n": b"x"}, {"n": "x" * 16_000_001}])
def test_data_that_is_not_json_or_too_large_is_rejected(queue: Queue, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidJobData):
        queue.enqueue("echo", data)


def test_an_exponential_backoff_grows_whatever_the_number_of_attempts(queue: Queue, run_all: RunAll) -> None:
    backoff = {"type": "exponential", "delay": 0.5}
    jobs = [queue.enqueue("boom", attempts=attempts, backoff=backoff).id for attempts in (10, 65, 66, 100, 1000)]
    waits: dict[str, list[float]] = {job_id: [] for job_id in jobs}
    for _ in range(4):
        run_all()
        for job_id in jobs:
            delayed, attempts = queue.job_and_attempts(job_id)
            assert delayed.run_at and attempts[0].ended_at
            waits[job_id].append((delayed.run_at - attempts[0].ended_at).total_seconds())
        queue.promote_many(jobs)
    for measured in waits.values():
        assert measured == pytest.approx([0.5, 1, 2, 4], abs=0.4)


def test_no_backoff_is_longer_than_a_day(queue: Queue) -> None:
    job = queue.enqueue("noop", attempts=1000, backoff={"type": "exponential", "delay": 0.001})
    with redis.Redis.from_url(queue.broker.url) as client:
        waits = json.loads(client.hget(f"rq:job:{job.id}", "retry_intervals"))
    assert (len(waits), waits[0], waits[10], max(waits), waits[-1]) == (999, 0.001, 1.024, 86400, 86400)
