from datetime import timedelta

import pytest
import redis
from rq import Queue as RQQueue

from gnb.queueing import Engine, InvalidJobData, InvalidJobOption, Queue, UnknownJobType, UnknownQueue
from gnb.queueing.options import seconds
from tests.servers import Broker


def test_a_new_job_waits_with_its_data_and_options(queue: Queue) -> None:
    made = queue.enqueue("echo", {"a": 1}, priority=1, attempts=4)
    job = queue.job(made.id)
    assert (job.state, job.name, job.data) == ("waiting", "echo", {"type": "echo", "a": 1})
    assert (job.priority, job.attempts_limit, job.attempts_made) == (1, 4, 0)
    assert job.options == {"priority": 1, "attempts": 4}


def test_the_same_id_twice_is_one_job(queue: Queue) -> None:
    first = queue.enqueue("echo", {"n": 1}, job_id="booking-7")
    second = queue.enqueue("echo", {"n": 2}, job_id="booking-7")
    assert second.id == first.id and second.data["n"] == 1
    assert queue.jobs("waiting").total == 1


def test_only_declared_types_are_taken(queue: Queue) -> None:
    with pytest.raises(UnknownJobType, match=r"'os.system'.*there are: .*noop"):
        queue.enqueue("os.system", {})


def test_an_unknown_queue_is_named_with_those_there_are(engine: Engine) -> None:
    with pytest.raises(UnknownQueue, match=r"'sms'.*email, export"):
        engine.queue("sms")


def test_data_that_does_not_fit_the_schema_is_refused_field_by_field(queue: Queue) -> None:
    with pytest.raises(InvalidJobData) as caught:
        queue.enqueue("numbered", {"n": -1, "m": 2})
    assert set(caught.value.errors) == {"n", "m"}
    assert queue.jobs("waiting").total == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("priority", 0),
        ("priority", 11),
        ("priority", True),
        ("attempts", 0),
        ("delay", -1),
        ("delay", -(10**400)),
        ("delay", "soon"),
        ("delay", "1x2h"),
        ("delay", ""),
        ("timeout", 0),
        ("backoff", {"type": "cubic"}),
        ("backoff", {"type": "fixed", "wait": 2}),
        ("job_id", "../x"),
        ("job_id", ""),
        ("remove_on_complete", {"years": 2}),
        ("colour", "red"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(queue: Queue, option: str, value: object) -> None:
    with pytest.raises(InvalidJobOption, match=option):
        queue.enqueue("noop", **{option: value})


@pytest.mark.parametrize(
    ("written", "length"),
    [(90, 90), ("90", 90), ("90s", 90), ("250ms", 0.25), ("1h30m", 5400), ("2 d", 172_800), (timedelta(minutes=1), 60)],
)
def test_a_duration_is_a_number_a_text_or_a_timedelta(written: object, length: float) -> None:
    assert seconds(written, "delay") == length


def test_a_very_long_text_that_is_no_duration_is_refused_at_once() -> None:
    with pytest.raises(InvalidJobOption, match="delay"):
        seconds("1" * 200_000 + "x", "delay")  # looked at part by part it would take minutes


def test_an_id_that_a_job_of_another_queue_has_is_refused(queue: Queue, broker: Broker) -> None:
    with redis.Redis.from_url(broker.url) as client:
        RQQueue("export", connection=client, serializer="json").enqueue("os.getcwd", job_id="mine")
    with pytest.raises(InvalidJobOption, match="job_id is 'mine'; another queue has a job of that id"):
        queue.enqueue("noop", job_id="mine")


def test_data_that_is_not_json_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidJobData, match="JSON"):
        queue.enqueue("echo", {"when": timedelta(1)})


def test_many_jobs_are_written_in_order(queue: Queue) -> None:
    made = queue.enqueue_many([("echo", {"n": n}, {}) for n in range(1200)])
    page = queue.jobs("waiting", 0, 1000)
    assert page.total == 1200
    assert [job.id for job in page.jobs] == [job.id for job in made[:1000]]


def test_one_wrong_job_of_many_leaves_none_written(queue: Queue) -> None:
    with pytest.raises(InvalidJobData):
        queue.enqueue_many([("numbered", {"n": 1}, {}), ("numbered", {"n": "x"}, {})])
    assert queue.jobs("waiting").total == 0


def test_a_job_lies_in_the_broker_as_json(queue: Queue, broker: Broker) -> None:
    job = queue.enqueue("echo", {"text": "İstanbul"})
    with redis.Redis.from_url(broker.url) as client:
        assert client.hget(f"rq:job:{job.id}", "data") == (
            b'["tests.integration.engine.types.echo",null,[],{"text":"\\u0130stanbul"}]'
        )


def test_a_waiting_job_takes_six_tenths_of_the_memory_of_one_of_rq(queue: Queue, broker: Broker) -> None:
    with redis.Redis.from_url(broker.url) as client:
        stock = RQQueue("stock", connection=client, serializer="json")
        theirs = stock.enqueue("tests.integration.engine.types.echo", text="hello")
        ours = queue.enqueue("echo", {"text": "hello"})
        assert client.memory_usage(f"rq:job:{ours.id}") <= 0.6 * client.memory_usage(f"rq:job:{theirs.id}")
