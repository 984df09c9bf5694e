"""A rate limit for each value of a field: jobs over it are delayed in their order, and no other job waits for them."""

import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import redis

from gnb.queueing import Engine, InvalidJobOption, Queue, QueueOptions, RateLimit, job
from gnb.queueing.maintenance import promote
from gnb.queueing.scripts import DEQUEUE, DequeueArgs, run
from tests.servers import Broker

from .conftest import DEFAULTS, Workers, wait_for

WINDOW, COUNT = 1.5, 2


@pytest.fixture
def client(broker: Broker) -> Any:
    with redis.Redis.from_url(broker.url) as connection:
        yield connection


def letters(client: Any) -> dict[str, list[tuple[int, float]]]:
    """For each recipient the numbers and times of the letters, in the order in which they were written."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in client.lrange("letters", 0, -1):
        recipient, number, at = line.decode().split()
        found[recipient].append((int(number), float(at)))
    return found


def assert_within_limit(queue: Queue) -> None:
    """No window has more starts of one recipient's letters than allowed, by the times in the broker."""
    starts: dict[str, list[float]] = defaultdict(list)
    for letter in queue.jobs("completed", 0, 100).jobs:
        for attempt in queue.attempts(letter.id) if letter.name == "letter" else []:
            assert attempt.started_at is not None
            starts[letter.data["recipient"]].append(attempt.started_at.timestamp())
    for times in map(sorted, starts.values()):
        for first, third in zip(times, times[COUNT:], strict=False):
            assert third - first > WINDOW - 0.01, times


def send(queue: Queue, *recipients: str | None, **options: Any) -> list[str]:
    url = queue.broker.url
    data = [{"url": url, "n": number, "recipient": who} for number, who in enumerate(recipients)]
    return [made.id for made in queue.enqueue_many([("letter", each, options) for each in data])]


def held_keys(client: Any) -> list[bytes]:
    return [key for key in client.scan_iter("gnb:*") if b"held" in key or b"key-starts" in key]


def test_jobs_over_their_keys_limit_wait_in_order_and_no_other_waits_for_them(
    queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    bombed = send(queue, *["victim"] * 9)
    others = send(queue, *[f"guest-{number}" for number in range(40)])
    start()
    wait_for(lambda: queue.jobs("delayed").total == 7)
    held = queue.jobs("delayed").jobs
    assert [job.id for job in held] == bombed[2:] and all(job.held for job in held)
    wait_for(lambda: queue.jobs("completed", 0, 100).total == 49)
    assert [number for number, _ in letters(client)["victim"]] == list(range(9))
    assert_within_limit(queue)
    last = letters(client)["victim"][-1][1]
    assert max(letters(client)[f"guest-{number}"][0][1] for number in range(40)) < last
    assert all(queue.job(job_id).attempts_made == 1 for job_id in others)
    times = [at for _, at in letters(client)["victim"]]
    assert times[-1] - times[0] < 4 * WINDOW + 3
    assert not any(queue.job(job_id).held for job_id in bombed)


def test_a_job_that_came_later_does_not_overtake_those_of_its_key(
    queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    send(queue, *["a"] * 6)
    start()
    wait_for(lambda: queue.jobs("delayed").total == 4)
    for number in range(6, 12):
        time.sleep(0.4)
        queue.enqueue("letter", {"url": queue.broker.url, "n": number, "recipient": "a"})
    wait_for(lambda: queue.jobs("completed", 0, 100).total == 12, 30)
    assert [number for number, _ in letters(client)["a"]] == list(range(12))
    assert_within_limit(queue)


def test_jobs_without_the_field_have_no_limit_and_a_key_is_no_plain_text(
    queue: Queue, run_all: Callable[..., None], client: Any
) -> None:
    send(queue, *[None] * 6)
    send(queue, *["someone@example.com"] * 2)
    run_all()
    assert queue.jobs("completed").total == 8
    keys = held_keys(client)
    assert len(keys) == 1
    assert b"someone" not in keys[0]


def test_keys_expire_when_no_job_needs_them(queue: Queue, start: Callable[..., Workers], client: Any) -> None:
    send(queue, *["a"] * 3)
    start()
    wait_for(lambda: queue.jobs("completed").total == 3)
    assert held_keys(client)
    wait_for(lambda: not held_keys(client), 2 * WINDOW + 1)


def test_the_limit_holds_after_a_pause_although_all_are_due_at_once(
    queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    send(queue, *["a"] * 8)
    start(concurrency=4)
    wait_for(lambda: queue.jobs("delayed").total == 6)
    queue.pause()
    time.sleep(4 * WINDOW)
    queue.resume()
    wait_for(lambda: queue.jobs("completed").total == 8, 30)
    assert_within_limit(queue)


def test_running_a_held_job_now_and_rescheduling_it_do_not_break_the_limit(
    queue: Queue, start: Callable[..., Workers], client: Any
) -> None:
    ids = send(queue, *["a"] * 5)
    start()
    wait_for(lambda: queue.jobs("delayed").total == 3)
    queue.promote(ids[4])
    queue.reschedule(ids[3], 0)
    wait_for(lambda: queue.jobs("completed").total == 5)
    assert_within_limit(queue)


@pytest.mark.parametrize("removal", ["remove", "drain", "replace"])
def test_jobs_that_are_gone_keep_no_others_waiting(
    queue: Queue, start: Callable[..., Workers], client: Any, removal: str
) -> None:
    start()
    send(queue, *["a"] * 2)
    options = {"deduplication": {"id": "x", "replace": True}, "delay": 0.01} if removal == "replace" else {}
    held = send(queue, *["a"] * (1 if removal == "replace" else 20), **options)
    wait_for(lambda: sum(job.held for job in queue.jobs("delayed", 0, 30).jobs) == len(held))
    if removal == "remove":
        queue.remove_many(held)
    elif removal == "drain":
        assert queue.drain() == 20
    else:
        queue.enqueue("noop", **options)
    last = send(queue, "a")
    wait_for(lambda: queue.job(last[0]).state == "completed", WINDOW + 1.5)
    assert_within_limit(queue)


def test_a_retry_counts_as_a_start(queue: Queue, start: Callable[..., Workers], client: Any) -> None:
    data = {"url": queue.broker.url, "n": 0, "recipient": "a", "failures": 1}
    retried = queue.enqueue("letter", data, attempts=2, backoff={"type": "fixed", "delay": 0})
    start()
    wait_for(lambda: queue.job(retried.id).state == "completed")
    following = send(queue, "a")[0]
    wait_for(lambda: queue.job(following).state == "completed")
    [attempt], [retry, first] = queue.attempts(following), queue.attempts(retried.id)
    assert (retry.outcome, first.outcome) == ("completed", "retried")
    assert (attempt.started_at - first.started_at).total_seconds() > WINDOW - 0.01


def test_a_held_job_waits_for_the_one_before_it_that_is_due_and_not_promoted_yet(queue: Queue, client: Any) -> None:
    def started() -> list[str]:
        answers = []
        while not answers or answers[-1][0] != b"empty":
            args = [*DequeueArgs("w", "1", "2026-01-01T00:00:00.000000Z", 12, "none", "none")]
            answers.append(run(client, DEQUEUE, queue.keys.for_worker("w"), args))
        return [answer[2].decode() for answer in answers if answer[0] == b"job"]

    ids = send(queue, *["a"] * (COUNT + 2))
    assert started() == ids[:COUNT]
    time.sleep(WINDOW + 0.1)  # nothing promotes the two that are held, and both are due
    queue.promote(ids[-1])
    assert (started(), queue.job(ids[-1]).state) == ([], "delayed")
    queue.promote(ids[-2])
    queue.promote(ids[-1])
    assert started() == ids[-2:]


def test_many_held_jobs_take_little_of_the_brokers_time(queue: Queue, client: Any) -> None:
    send(queue, *["a"] * 1000)
    last = send(queue, "b")[0]
    args = [*DequeueArgs("w", "1", "2026-01-01T00:00:00.000000Z", 12, "none", "none")]
    client.config_resetstat()
    answers: list[Any] = []
    while not answers or answers[-1][0] != b"empty":
        answers.append(run(client, DEQUEUE, queue.keys.for_worker("w"), args))
        assert client.zcard("rq:scheduled:email") <= 50 * len(answers)
    found = [answer[2].decode() for answer in answers if answer[0] == b"job"]
    assert (len(found), found[-1]) == (COUNT + 1, last)
    assert client.zcard("rq:scheduled:email") == 1000 - COUNT
    commands = client.info("commandstats")
    assert commands["cmdstat_lmpop"]["calls"] <= 1001 + len(answers)
    # A job that is held costs the same however many are held ahead of it.
    inside = ("lmpop", "hmget", "lindex", "zcard", "zrange", "hget", "zadd", "hincrby", "pexpireat", "hset")
    assert sum(commands.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in inside) < 15 * 1001


def test_held_jobs_are_counted_once(engine: Engine, queue: Queue, start: Callable[..., Workers]) -> None:
    send(queue, *["a"] * 6)
    start()
    wait_for(lambda: queue.jobs("completed").total == 6)
    assert engine.stats()[0].held == 4


def test_a_queue_may_have_another_limit_than_the_job_type_declares(
    broker: Broker, start: Callable[..., Workers]
) -> None:
    for limit, delayed in ((None, 0), (RateLimit("1/60s", key="recipient"), 3)):
        options = QueueOptions(DEFAULTS, key_limits={"recipient": limit})
        engine = Engine(broker.url, {"email": options})
        queue = engine.queue("email")
        send(queue, *["a"] * 4)
        workers = start(on=engine)
        wait_for(lambda queue=queue: queue.jobs("waiting").total == queue.jobs("active").total == 0)
        assert queue.jobs("delayed").total == delayed
        workers.stop()


def test_workers_killed_at_random_lose_no_job_and_break_no_limit(
    queue: Queue, start: Callable[..., Workers], client: Any, engine: Engine
) -> None:
    chance = random.Random(11)
    recipients = [chance.choice("abcdefgh") for _ in range(60)]
    url = queue.broker.url
    made = queue.enqueue_many(
        [
            ("letter", {"url": url, "n": n, "recipient": who, "seconds": 0.1}, {"attempts": 20, "backoff": 0.1})
            for n, who in enumerate(recipients)
        ]
    )
    start(concurrency=4)
    began, next_kill, killed = time.monotonic(), time.monotonic() + 0.5, 0
    while queue.jobs("completed").total < len(made):
        assert time.monotonic() - began < 120
        busy = [worker.pid for worker in engine.workers() if worker.job_id and worker.pid]
        if busy and killed < 15 and time.monotonic() > next_kill:
            killed += 1
            with suppress(ProcessLookupError):
                os.kill(chance.choice(busy), signal.SIGKILL)
            next_kill = time.monotonic() + chance.uniform(0.2, 0.8)
        time.sleep(0.02)
    assert {job.id for job in queue.jobs("completed", 0, 100).jobs} == {job.id for job in made}
    assert_within_limit(queue)


def test_a_delayed_job_that_failed_is_not_shown_as_held(
    queue: Queue, engine: Engine, start: Callable[..., Workers]
) -> None:
    job_id = send(queue, "a", "a", "a")[2]
    start()
    wait_for(lambda: queue.job(job_id).held)
    wait_for(lambda: queue.job(job_id).state == "completed")
    queue.run_again(job_id)
    assert not queue.job(job_id).held
    promote(engine)


def test_a_declared_limit_needs_a_key_and_a_rate() -> None:
    with pytest.raises(ValueError, match="has no key"):
        job("email", "keyless", rate_limit=RateLimit("5/60s"))
    with pytest.raises(InvalidJobOption, match="rate limit"):
        RateLimit("5 a minute", key="recipient")
