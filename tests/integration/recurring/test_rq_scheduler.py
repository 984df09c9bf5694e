"""Schedules as rq-scheduler sees them: its own classes read ours, and its API on our scheduler makes ours."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rq_scheduler

from gnb.queueing import (
    Engine,
    InvalidJobOption,
    InvalidJobState,
    InvalidSchedule,
    Schedule,
    ScheduledJob,
    ScheduledQueue,
    Scheduler,
    UnknownJobType,
)
from gnb.queueing.recurring.firing import carry_over, repair
from gnb.queueing.recurring.schedule import Schedule as Timing
from tests.integration.recurring.scheduler_process import engine_at, note
from tests.servers import Broker

NOTE = "tests.integration.recurring.scheduler_process.note"
NEXT = "rq:scheduler:scheduled_jobs"


@pytest.fixture
def engine(broker: Broker) -> Iterator[Engine]:
    engine = engine_at(broker.url)
    yield engine
    engine.broker.client.close()


@pytest.fixture
def stock(engine: Engine) -> rq_scheduler.Scheduler:
    """Plain rq-scheduler on the same broker, with our job and queue classes."""
    return rq_scheduler.Scheduler(
        connection=engine.broker.client, job_class=ScheduledJob, queue_class=ScheduledQueue, interval=1
    )


@pytest.fixture
def scheduler(engine: Engine) -> Scheduler:
    return Scheduler(engine)


def due_time(engine: Engine, name: str) -> datetime:
    at = engine.schedules.get(name).next_at
    assert at is not None
    return at


def waiting(engine: Engine) -> list[str]:
    return [job.id for job in engine.queue("scheduled").jobs("waiting", 0, 100).jobs]


def test_plain_rq_scheduler_lists_our_schedules_with_their_times_paused_ones_too(
    engine: Engine, stock: rq_scheduler.Scheduler
) -> None:
    engine.schedules.add(Schedule("nightly", "note", {"text": "x"}, cron="0 3 * * *", tz="Europe/Istanbul"))
    engine.schedules.add(Schedule("beat", "note", every=60))
    engine.schedules.pause("beat")
    found = {job.id: (job, at) for job, at in stock.get_jobs(with_times=True)}
    job, at = found["schedule-nightly"]
    assert at.replace(tzinfo=UTC) == due_time(engine, "nightly")
    assert (job.func_name, job.kwargs, job.origin) == (NOTE, {"text": "x"}, "scheduled")
    assert (job.meta["cron_string"], job.meta["tz"]) == ("0 3 * * *", "Europe/Istanbul")
    assert found["schedule-beat"][0].meta["interval"] == 60
    assert "schedule-beat" in stock
    assert stock.count() == 2


def test_cron_makes_a_schedule_that_the_store_lists(engine: Engine, scheduler: Scheduler) -> None:
    template = scheduler.cron(
        "30 2 * * *", NOTE, kwargs={"text": "x"}, id="nightly", tz="Europe/Berlin", overlap=True, timeout=90
    )
    (state,) = engine.schedules.list()
    assert template.id == "schedule-nightly"
    assert state.schedule == Schedule(
        "nightly", "note", {"text": "x"}, "30 2 * * *", tz="Europe/Berlin", overlap=True, options={"timeout": 90}
    )
    assert state.next_at == state.schedule.after(datetime.now(UTC))[0]


def test_schedule_fires_first_when_told_then_at_its_interval_and_ends_with_repeat(
    engine: Engine, scheduler: Scheduler
) -> None:
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    scheduler.schedule(first, NOTE, interval=3600, repeat=2, id="twice", overlap=True)
    assert due_time(engine, "twice") == first
    second = first + timedelta(hours=1)
    assert scheduler.enqueue_jobs(first) == [f"twice-{first:%Y%m%dT%H%M%SZ}"]
    assert due_time(engine, "twice") == second
    repair(engine)
    assert due_time(engine, "twice") == second
    assert scheduler.enqueue_jobs(second) == [f"twice-{second:%Y%m%dT%H%M%SZ}"]
    assert engine.schedules.list() == ()
    assert "schedule-twice" not in scheduler
    assert len(waiting(engine)) == 2


def test_cancel_removes_the_schedule_with_its_template_and_runs(engine: Engine, scheduler: Scheduler) -> None:
    template = scheduler.cron("* * * * *", NOTE, id="minutely")
    (job_id,) = scheduler.enqueue_jobs(due_time(engine, "minutely"))
    scheduler.cancel(template)
    assert engine.schedules.list() == ()
    assert engine.broker.client.keys("gnb:schedule:*") == []
    assert not engine.broker.client.exists("rq:job:schedule-minutely", NEXT)
    assert waiting(engine) == [job_id]


def test_what_the_engine_cannot_do_is_rejected_and_leaves_nothing(engine: Engine, scheduler: Scheduler) -> None:
    for options in ({"args": [1]}, {"depends_on": "other"}, {"ttl": 5}, {"meta": {"a": 1}}):
        with pytest.raises(InvalidJobOption):
            scheduler.cron("* * * * *", NOTE, **options)
    with pytest.raises(UnknownJobType):
        scheduler.cron("* * * * *", "os.getcwd")
    with pytest.raises(InvalidSchedule):
        scheduler.cron("* * * * *", NOTE, id="nightly", tz="Nowhere/Land")
    assert engine.broker.client.keys("*") == []


def test_the_next_time_can_be_changed_and_the_timing_goes_on_after_it(engine: Engine, scheduler: Scheduler) -> None:
    template = scheduler.cron("0 3 * * *", NOTE, id="nightly")
    regular = due_time(engine, "nightly")
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=17)
    scheduler.change_execution_time(template, soon.replace(tzinfo=None))
    repair(engine)
    assert due_time(engine, "nightly") == soon
    assert scheduler.enqueue_jobs(soon) == [f"nightly-{soon:%Y%m%dT%H%M%SZ}"]
    assert due_time(engine, "nightly") == regular
    scheduler.cancel(template)
    with pytest.raises(ValueError, match="not in scheduled"):
        scheduler.change_execution_time(template, soon)


def test_jobs_of_enqueue_at_and_enqueue_in_are_moved_to_their_queue_once(engine: Engine, scheduler: Scheduler) -> None:
    now = datetime.now(UTC)
    late = scheduler.enqueue_at(now.replace(tzinfo=None) - timedelta(seconds=5), note, text="x")
    later = scheduler.enqueue_in(timedelta(hours=1), note, text="y")
    assert scheduler.enqueue_jobs() == [late.id]
    assert scheduler.enqueue_jobs() == []
    assert waiting(engine) == [late.id]
    assert engine.queue("scheduled").job(late.id).data["text"] == "x"
    assert scheduler.enqueue_jobs(now + timedelta(hours=2)) == [later.id]
    assert scheduler.count() == 0


def test_a_plain_rq_scheduler_neither_leads_beside_ours_nor_ours_beside_it(
    engine: Engine, stock: rq_scheduler.Scheduler, scheduler: Scheduler
) -> None:
    scheduler.tick()
    assert not stock.acquire_lock()
    scheduler.remove_lock()
    assert stock.acquire_lock()
    scheduler.tick()
    assert not scheduler.leading
    assert engine.schedules.leader() == "rqscheduler"
    stock.remove_lock()
    scheduler.tick()
    assert scheduler.leading


def test_plain_rq_scheduler_leading_alone_enqueues_a_copy_and_ours_repairs_the_next_time(
    engine: Engine, stock: rq_scheduler.Scheduler, scheduler: Scheduler
) -> None:
    engine.schedules.add(Schedule("hourly", "note", {"text": "x"}, every=3600))
    engine.broker.client.zadd(NEXT, {"schedule-hourly": time.time() - 1})
    list(stock.enqueue_jobs())
    list(map(stock.enqueue_job, stock.get_jobs_to_queue()))
    (job_id,) = waiting(engine)
    assert job_id.startswith("hourly-")
    assert engine.queue("scheduled").job(job_id).data["text"] == "x"
    assert engine.schedules.get("hourly").schedule.data == {"text": "x"}
    scheduler.tick()
    assert due_time(engine, "hourly").timestamp() % 3600 == 0


def test_a_lost_next_time_is_restored(engine: Engine, scheduler: Scheduler) -> None:
    engine.schedules.add(Schedule("hourly", "note", every=3600))
    due = due_time(engine, "hourly")
    engine.broker.client.delete(NEXT)
    scheduler.tick()
    assert due_time(engine, "hourly") == due


def test_a_job_may_not_take_the_id_of_a_template_nor_a_schedule_its_prefix(engine: Engine) -> None:
    with pytest.raises(InvalidJobOption, match="belong to schedules"):
        engine.queue("scheduled").enqueue("note", job_id="schedule-nightly")
    with pytest.raises(InvalidSchedule, match="leave that out"):
        Schedule("schedule-nightly", "note", every=60)


def test_remove_clean_and_drain_never_touch_a_template(engine: Engine) -> None:
    engine.schedules.add(Schedule("hourly", "note", every=3600))
    queue, client, key = engine.queue("scheduled"), engine.broker.client, "rq:job:schedule-hourly"
    with pytest.raises(InvalidJobState):
        queue.remove("schedule-hourly")
    client.rpush("rq:queue:scheduled", "schedule-hourly")
    queue.drain()
    client.zadd("rq:finished:scheduled", {"schedule-hourly": time.time() + 100})
    client.hset(key, mapping={"status": "finished", "ended_at": "2020-01-01T00:00:00.000000Z"})
    queue.clean()
    assert engine.schedules.get("hourly").schedule.every == 3600


@pytest.mark.parametrize("broken", [{"tz": "Mars/Olympus"}, None])
def test_one_bad_record_is_recorded_and_the_other_schedules_fire_and_are_listed(
    engine: Engine, scheduler: Scheduler, broken: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "c"):
        engine.schedules.add(Schedule(name, "note", every=1, overlap=True))
    meta = json.loads(engine.broker.client.hget("rq:job:schedule-a", "meta"))
    text = json.dumps({**meta, **broken}) if broken else "no JSON"
    engine.broker.client.hset("rq:job:schedule-a", "meta", text)
    time.sleep(1.1)
    scheduler.tick()
    assert {job_id.partition("-")[0] for job_id in waiting(engine)} == {"b", "c"}
    assert [state.name for state in engine.schedules.list()] == ["b", "c"]
    assert scheduler.leading
    assert engine.broker.client.hget("gnb:schedule:a", "error")
    assert len([record for record in caplog.records if "cannot be fired" in record.message]) == 1
    scheduler.tick()
    assert len([record for record in caplog.records if "cannot be fired" in record.message]) == 1
    engine.schedules.remove("a")
    assert b"schedule-a" not in engine.broker.client.zrange(NEXT, 0, -1)


def test_twenty_thousand_missed_firings_make_one_catch_up_run_and_are_counted_in_bounded_time(
    engine: Engine, scheduler: Scheduler
) -> None:
    engine.schedules.add(Schedule("minutely", "note", cron="* * * * *", tz="Europe/Istanbul", overlap=True))
    now = due_time(engine, "minutely") + timedelta(minutes=20_000, seconds=30)
    began = time.process_time()
    fired = scheduler.enqueue_jobs(now)
    assert fired == [f"minutely-{now - timedelta(seconds=30):%Y%m%dT%H%M%SZ}"]
    assert time.process_time() - began < 1
    assert engine.schedules.get("minutely").missed == 999


def test_the_last_missed_firing_is_found_where_the_timing_is_uneven() -> None:
    schedule = Timing("bursts", "note", cron="* 0-11 1 1 *")
    start = datetime(2000, 1, 1, tzinfo=UTC)
    assert schedule.missed(start, datetime(2003, 7, 1, 5, tzinfo=UTC)) == (
        1000,
        datetime(2003, 1, 1, 11, 59, tzinfo=UTC),
    )


def test_schedules_that_an_earlier_release_stored_are_carried_over_once(engine: Engine) -> None:
    client, due = engine.broker.client, 4102444800.0
    hand, code = Schedule("hand", "note", {"text": "x"}, cron="0 3 * * *"), Schedule("code", "note", every=60)
    edited = code.changed({"every": 90})
    client.hset("gnb:schedule:hand", mapping={"definition": hand.to_json(), "origin": "hand", "fired": 7})
    client.hset(
        "gnb:schedule:code",
        mapping={"definition": edited.to_json(), "origin": "code", "code": code.to_json(), "paused": "1"},
    )
    client.hset("gnb:schedule:bad", "definition", "no JSON")
    client.zadd("gnb:schedules", {"hand": due, "code": "inf", "bad": due})
    Scheduler(engine, [code]).tick()
    states = {state.name: state for state in engine.schedules.list()}
    assert (states["hand"].schedule, states["hand"].fired, states["hand"].in_code) == (hand, 7, False)
    assert (states["code"].schedule, states["code"].paused, states["code"].in_code) == (edited, True, True)
    engine.schedules.edit("hand", every=30)
    carry_over(engine)
    assert engine.schedules.get("hand").schedule.every == 30
    assert client.zrange("gnb:schedules", 0, -1) == [b"bad"]
