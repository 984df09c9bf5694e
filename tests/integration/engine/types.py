"""Job types for the engine's tests."""

import os
import signal
import time
from typing import Any

import redis
from marshmallow import EXCLUDE, Schema, fields, validate

from gnb.queueing import FinalError, JobContext, JobOutcome, RateLimit, RetryLater, job


class Numbered(Schema):
    n = fields.Integer(required=True, validate=validate.Range(min=0))


@job("email", "noop")
def noop(data: dict[str, Any], running: JobContext) -> None:
    """Does nothing."""


@job("email", "echo")
def echo(data: dict[str, Any], running: JobContext) -> dict[str, Any]:
    return data


@job("email", "numbered", Numbered)
def numbered(data: dict[str, Any], running: JobContext) -> int:
    return int(data["n"])


class _Someone(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.Integer(required=True)


class Referring(Schema):
    who = fields.Nested(_Someone, required=True)


@job("email", "refer", Referring)
def refer(data: dict[str, Any], running: JobContext) -> int:
    return int(data["who"]["id"])


@job("email", "boom", attempts=3, backoff={"type": "fixed", "delay": 0})
def boom(data: dict[str, Any], running: JobContext) -> None:
    raise ValueError(f"broken on attempt {running.attempt}")


@job("email", "final", attempts=5)
def final(data: dict[str, Any], running: JobContext) -> None:
    raise FinalError("never again")


@job("email", "later", attempts=3)
def later(data: dict[str, Any], running: JobContext) -> None:
    raise RetryLater("busy", delay=30)


@job("email", "flaky", attempts=3, backoff={"type": "fixed", "delay": 0})
def flaky(data: dict[str, Any], running: JobContext) -> int:
    if running.attempt < 3:
        raise OSError("not yet")
    return running.attempt


@job("email", "busy", attempts=3, backoff={"type": "fixed", "delay": 0})
def busy(data: dict[str, Any], context: JobContext) -> int:
    """Asks in data["answers"] runs to be run later without using an attempt, then fails until its last attempt."""
    with redis.Redis.from_url(data["url"]) as client:
        answers = client.incr(f"answers:{context.id}")
    if answers <= data["answers"]:
        raise RetryLater("busy", delay=0, spend_attempt=False)
    if context.attempt < context.attempts:
        raise OSError("not yet")
    return context.attempt


@job("email", "sleep", attempts=1)
def sleep(data: dict[str, Any], running: JobContext) -> None:
    """Sleeps for data["seconds"], saying so."""
    running.log("asleep")
    time.sleep(data["seconds"])


@job("email", "deaf", attempts=1)
def deaf(data: dict[str, Any], running: JobContext) -> None:
    """Listens to nothing for data["seconds"]."""
    end = time.monotonic() + data["seconds"]
    while time.monotonic() < end:
        try:
            time.sleep(0.1)
        except BaseException:  # noqa: BLE001 - this job is deaf to everything
            continue


@job("email", "talk")
def talk(data: dict[str, Any], running: JobContext) -> None:
    running.progress(40, "4 of 10")
    for number in range(data["lines"]):
        running.log(f"line {number}")
    time.sleep(data["seconds"])


@job("email", "logs-once", attempts=2, backoff={"type": "fixed", "delay": 0})
def logs_once(data: dict[str, Any], running: JobContext) -> None:
    """Says something on its first attempt alone."""
    if running.attempt == 1:
        running.log("trying")
        raise ValueError("try again")


@job("email", "note")
def note(data: dict[str, Any], running: JobContext) -> None:
    """Writes down, outside of the engine, that it starts and ends: what ran, when, and where.

    It lasts data["seconds"], and until the key data["until"] exists, if one is named.
    """
    with redis.Redis.from_url(data["url"]) as client:
        client.rpush("notes", f"{running.id} {os.getpid()} start {time.time()}")
        time.sleep(data.get("seconds", 0))
        while "until" in data and not client.exists(data["until"]):
            time.sleep(0.05)
        client.rpush("notes", f"{running.id} {os.getpid()} end {time.time()}")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@job("email", "strange-error", attempts=1)
def strange_error(data: dict[str, Any], context: JobContext) -> None:
    text = {"surrogate": "half \ud800 of a pair", "nul": "a\0b", "huge": "x" * 3_000_000}.get(data["kind"])
    context.log(f"log: {text}")
    context.progress(1, f"progress: {text}")
    raise ValueError(text) if text else Unprintable


@job("email", "kill-worker", attempts=1)
def kill_worker(data: dict[str, Any], context: JobContext) -> None:
    """Ends the process that runs it, after data["seconds"] if there are any."""
    time.sleep(data.get("seconds", 0))
    os.kill(os.getpid(), signal.SIGKILL)


@job("email", "unresponsive", attempts=1)
def unresponsive(data: dict[str, Any], context: JobContext) -> None:
    """Lasts until the key "go" exists without a timer's signal, like one call of a library in C."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    with redis.Redis.from_url(data["url"]) as client:
        while not client.exists("go"):
            time.sleep(0.02)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


@job("email", "letter", rate_limit=RateLimit("2/1.5s", key="recipient"))
def letter(data: dict[str, Any], context: JobContext) -> None:
    """Writes down when it starts and for whom; at most two in 1.5 s for one recipient. Fails data["failures"] times."""
    with redis.Redis.from_url(data["url"]) as client:
        client.rpush("letters", f"{data.get('recipient')} {data['n']} {time.time()}")
    if context.attempt <= data.get("failures", 0):
        raise OSError("not delivered")
    time.sleep(data.get("seconds", 0))


@job("email", "sum", Numbered)
def sum_of_parents(data: dict[str, Any], context: JobContext) -> int:
    """Its own number and what the jobs that it depends on returned."""
    return int(data["n"]) + sum(parent.return_value or 0 for parent in context.parents())


@job("export", "total")
def total_of_parents(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    """By parent what it returned, or the error with which it failed."""
    return {parent.id: parent.return_value or parent.error or parent.state for parent in context.parents()}


@job("email", "called-back", JobOutcome)
def called_back(data: dict[str, Any], context: JobContext) -> dict[str, Any]:
    return {**data, "returned": [parent.return_value for parent in context.parents()]}


@job("email", "strange-result", attempts=1)
def strange_result(data: dict[str, Any], context: JobContext) -> Any:
    """Returns what JSON does not have."""
    itself: list[Any] = []
    itself.append(itself)
    return {
        "nan": {"a": [float("nan"), float("inf"), -float("inf")]},
        "set": {1},
        "bytes": b"\xff",
        "surrogate": ["half \ud800", {"nul\0": "a\0b"}],
        "key": {float("nan"): 1},
        "itself": itself,
        "huge": "x" * 2_000_000,
    }[data["kind"]]
