from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
import redis
from rq import Queue as RQQueue

from gnb.queueing import Engine, InvalidJobData, InvalidJobOption, Queue, UnknownJobType, UnknownQueue
from gnb.queueing.errors import JobIdTaken
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


def test_an_id_that_is_taken_says_so(queue: Queue) -> None:
    assert queue.enqueue("echo", job_id="one").deduplicated is False
    assert queue.enqueue("echo", job_id="one").deduplicated is True
    again, new = queue.enqueue_many([("echo", {}, {"job_id": "one"}), ("echo", {}, {"job_id": "two"})])
    assert (again.deduplicated, new.deduplicated) == (True, False)
    with pytest.raises(JobIdTaken, match="a job of the type 'echo' has that id"):
        queue.enqueue("noop", job_id="one")


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
        ("job_id", "stats"),
        ("job_id", "new"),
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


def test_dates_uuids_decimals_and_objects_with_an_id_are_taken_in_their_usual_form(
    queue: Queue, run_all: Callable[..., None]
) -> None:
    number = UUID(int=7)
    data = {
        "at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "clock": time(3, 4),
        "number": number,
        "price": Decimal("1.50"),
        "who": [SimpleNamespace(id=4, password="secret")],
    }
    taken = {
        "at": "2026-01-02T03:04:00+00:00",
        "day": "2026-01-02",
        "clock": "03:04:00",
        "number": str(number),
        "price": "1.50",
        "who": [{"id": 4}],
    }
    job = queue.enqueue("echo", data)
    assert job.data == {"type": "echo", **taken}
    run_all()
    assert queue.job(job.id).return_value == taken


@pytest.mark.parametrize(
    "value", [{1}, b"x", object(), 1j, timedelta(1), float("nan")], ids=lambda value: type(value).__name__
)
def test_a_value_without_a_form_in_json_is_rejected_with_its_field(queue: Queue, value: object) -> None:
    with pytest.raises(InvalidJobData) as raised:
        queue.enqueue("echo", {"good": 1, "list": [{"deep": value}]})
    assert list(raised.value.errors["list"][0]) == ["deep"]


def test_of_a_nested_object_the_broker_has_what_the_schema_keeps(queue: Queue, run_all: Callable[..., None]) -> None:
    job = queue.enqueue("refer", {"who": {"id": 4, "email": "ann@example.com"}})
    assert job.data == queue.job(job.id).data == {"type": "refer", "who": {"id": 4}}
    run_all()
    assert queue.job(job.id).return_value == 4


def test_data_that_is_not_json_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidJobData, match="when: timedelta has no form in JSON"):
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
