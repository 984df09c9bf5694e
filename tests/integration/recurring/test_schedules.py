"""Schedules on a real broker, with time handed in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from marshmallow import Schema
from marshmallow import fields as mm

from gnb.queueing import Engine, JobContext, QueueOptions, Schedule, Scheduler
from gnb.queueing.errors import (
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    InvalidSchedule,
    JobNotFound,
    ScheduleInCode,
    ScheduleNotFound,
    UnknownJobType,
)
from gnb.queueing.job_types import JobType, JobTypes
from gnb.queueing.recurring.runs import write_outcomes
from gnb.queueing.recurring.template import enqueue_repeated
from tests.servers import Broker


class NoteData(Schema):
    text = mm.String()


def note(data: dict[str, Any], running: JobContext) -> None:
    """Notes a text."""


@pytest.fixture
def engine(broker: Broker) -> Iterator[Engine]:
    types = JobTypes()
    types.declare(JobType("scheduled", "note", NoteData, note, {}))
    engine = Engine(broker.url, {"scheduled": QueueOptions()}, types)
    yield engine
    engine.broker.client.close()


def fire_due(engine: Engine, now: datetime) -> list[str]:
    return Scheduler(engine).enqueue_jobs(now)


def due_time(engine: Engine, name: str) -> datetime:
    at = engine.schedules.get(name).next_at
    assert at is not None
    return at


def waiting(engine: Engine) -> list[str]:
    return [job.id for job in engine.queue("scheduled").jobs("waiting", 0, 100).jobs]


def end(engine: Engine, job_id: str, status: str, error: str = "") -> None:
    """Ends a job as a worker's script would, without running it."""
    words = {"status": status, "started_at": "2026-01-01T00:00:00.000000Z", "ended_at": "2026-01-01T00:00:03.000000Z"}
    engine.broker.client.hset(f"rq:job:{job_id}", mapping={**words, "error": error})
    engine.broker.client.lrem("rq:queue:scheduled", 1, job_id)


def test_a_due_schedule_makes_one_job_named_by_its_fire_time(engine: Engine) -> None:
    engine.schedules.add(Schedule("nightly", "note", {"text": "x"}, cron="0 3 * * *", tz="Europe/Istanbul"))
    due = due_time(engine, "nightly")
    assert fire_due(engine, due - timedelta(seconds=1)) == []
    assert fire_due(engine, due) == [f"nightly-{due:%Y%m%dT%H%M%SZ}"]
    assert fire_due(engine, due) == []
    assert waiting(engine) == [f"nightly-{due:%Y%m%dT%H%M%SZ}"]
    assert due_time(engine, "nightly") == due + timedelta(days=1)
    assert engine.queue("scheduled").job(waiting(engine)[0]).data == {"type": "note", "text": "x"}


def test_the_next_five_firings_are_told(engine: Engine) -> None:
    engine.schedules.add(Schedule("hourly", "note", cron="@hourly"))
    upcoming = engine.schedules.get("hourly").upcoming
    assert len(upcoming) == 5
    assert {later - earlier for earlier, later in pairwise(upcoming)} == {timedelta(hours=1)}


def test_a_firing_is_skipped_and_counted_while_the_run_before_goes_on(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    due = due_time(engine, "beat")
    fire_due(engine, due)
    assert fire_due(engine, due + timedelta(seconds=60)) == []
    assert engine.schedules.get("beat").skipped == 1
    end(engine, waiting(engine)[0], "finished")
    assert len(fire_due(engine, due + timedelta(seconds=120))) == 1


def test_overlap_is_allowed_where_the_schedule_says_so(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60, overlap=True))
    due = due_time(engine, "beat")
    fire_due(engine, due)
    fire_due(engine, due + timedelta(seconds=60))
    assert len(waiting(engine)) == 2


def test_missed_firings_are_made_up_for_by_one_run(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    due = due_time(engine, "beat")
    late = due + timedelta(minutes=10, seconds=30)
    assert fire_due(engine, late) == [f"beat-{due + timedelta(minutes=10):%Y%m%dT%H%M%SZ}"]
    state = engine.schedules.get("beat")
    assert (state.missed, state.runs[0].kind) == (10, "catch-up")
    assert state.next_at == due + timedelta(minutes=11)


def test_missed_firings_are_left_out_where_the_schedule_says_skip(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60, catch_up="skip"))
    due = due_time(engine, "beat")
    assert fire_due(engine, due + timedelta(minutes=10, seconds=30)) == []
    assert engine.schedules.get("beat").missed == 11
    assert fire_due(engine, due + timedelta(minutes=11)) == [f"beat-{due + timedelta(minutes=11):%Y%m%dT%H%M%SZ}"]


def test_firings_a_few_seconds_late_are_each_made(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=1, overlap=True, catch_up="skip"))
    due = due_time(engine, "beat")
    assert len(fire_due(engine, due + timedelta(seconds=5))) == 6


def test_a_paused_schedule_does_not_fire_and_goes_on_from_now_when_resumed(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    due = due_time(engine, "beat")
    engine.schedules.pause("beat")
    assert fire_due(engine, due + timedelta(days=1)) == []
    assert engine.schedules.get("beat").next_at is None
    engine.schedules.resume("beat")
    assert due_time(engine, "beat") >= due
    assert engine.schedules.get("beat").missed == 0


def test_run_now_is_a_job_beside_the_schedules_own(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", {"text": "x"}, every=3600))
    job = engine.schedules.run("beat")
    assert waiting(engine) == [job.id]
    assert [(run.kind, run.outcome) for run in engine.schedules.get("beat").runs] == [("hand", "waiting")]


def test_outcomes_are_kept_longer_than_the_jobs(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    (job_id,) = fire_due(engine, due_time(engine, "beat"))
    assert write_outcomes(engine.broker) == 0
    end(engine, job_id, "failed", "ValueError: no")
    assert write_outcomes(engine.broker) == 1
    engine.broker.client.delete(f"rq:job:{job_id}")
    (run,) = engine.schedules.get("beat").runs
    assert (run.outcome, run.duration, run.error) == ("failed", 3.0, "ValueError: no")


def test_a_removed_schedule_leaves_nothing_but_its_jobs(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    fire_due(engine, due_time(engine, "beat"))
    engine.schedules.remove("beat")
    assert engine.schedules.list() == ()
    assert len(waiting(engine)) == 1
    with pytest.raises(ScheduleNotFound):
        engine.schedules.get("beat")
    write_outcomes(engine.broker)
    assert [key for key in engine.broker.client.keys("gnb:schedule*") if b"open" not in key] == []


def test_the_same_schedule_twice_is_one_and_another_of_its_name_is_refused(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    engine.schedules.add(Schedule("beat", "note", every=60))
    with pytest.raises(InvalidSchedule) as refused:
        engine.schedules.add(Schedule("beat", "note", every=61))
    assert "already" in refused.value.errors["name"][0]


def test_a_schedule_of_an_unknown_type_or_wrong_data_is_refused(engine: Engine) -> None:
    with pytest.raises(UnknownJobType):
        engine.schedules.add(Schedule("beat", "no-such-type", every=60))
    with pytest.raises(InvalidJobData):
        engine.schedules.add(Schedule("beat", "note", {"txt": "x"}, every=60))


def test_an_edit_changes_the_next_firing(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    engine.schedules.edit("beat", cron="0 0 1 1 *", tz="UTC", data={"text": "y"})
    state = engine.schedules.get("beat")
    assert (state.schedule.every, state.schedule.data) == (None, {"text": "y"})
    assert due_time(engine, "beat").month == 1


def test_schedules_of_the_code_are_added_changed_and_removed_and_others_kept(engine: Engine) -> None:
    schedules = engine.schedules
    schedules.add(Schedule("by-hand", "note", every=60))
    one, two = Schedule("one", "note", every=60), Schedule("two", "note", every=60)
    assert schedules.sync([one, two]) == {"one": "added", "two": "added"}
    assert schedules.sync([one, two]) == {"one": "kept", "two": "kept"}
    changed = Schedule("two", "note", every=90)
    assert schedules.sync([changed]) == {"two": "changed", "one": "removed"}
    assert [state.name for state in schedules.list()] == ["by-hand", "two"]
    assert schedules.get("two").schedule == changed


def test_what_an_admin_changed_in_a_schedule_of_the_code_outlives_restarts(engine: Engine) -> None:
    declared = Schedule("one", "note", every=60)
    engine.schedules.sync([declared])
    engine.schedules.edit("one", every=90)
    engine.schedules.pause("one")
    assert engine.schedules.sync([declared]) == {"one": "kept"}
    assert engine.schedules.get("one").schedule.every == 90
    assert engine.schedules.sync([Schedule("one", "note", every=120)]) == {"one": "changed"}
    assert engine.schedules.get("one").schedule.every == 120
    assert engine.schedules.get("one").paused


def test_a_schedule_of_the_code_cannot_be_removed_nor_its_name_taken(engine: Engine) -> None:
    engine.schedules.sync([Schedule("one", "note", every=60)])
    with pytest.raises(ScheduleInCode):
        engine.schedules.remove("one")
    engine.schedules.add(Schedule("two", "note", every=60))
    assert (
        engine.schedules.sync([Schedule("one", "note", every=60), Schedule("two", "note", every=5)])["two"] == "taken"
    )
    assert engine.schedules.get("two").schedule.every == 60


def test_a_schedule_whose_type_is_gone_is_noted_and_stops_no_other(engine: Engine) -> None:
    engine.schedules.add(Schedule("a", "note", every=60))
    engine.schedules.add(Schedule("b", "note", every=60))
    engine.broker.client.hset("rq:job:schedule-a", "type", "forgotten")
    fired = fire_due(engine, due_time(engine, "b"))
    assert [job_id.split("-")[0] for job_id in fired] == ["b"]
    assert "forgotten" in (engine.schedules.get("a").error or "")


def test_two_schedulers_do_not_lead_at_once_and_a_stopped_one_hands_over_at_once(engine: Engine) -> None:
    first, second = Scheduler(engine), Scheduler(engine)
    first.tick()
    second.tick()
    assert (first.leading, second.leading) == (True, False)
    assert engine.schedules.leader() == first.name.rpartition(":")[0]
    first.stop()
    first.run()
    second.tick()
    assert second.leading


def test_two_who_both_think_they_lead_fire_once(engine: Engine) -> None:
    engine.schedules.add(Schedule("beat", "note", every=60))
    due = due_time(engine, "beat")
    other = Engine(engine.url, {"scheduled": QueueOptions()}, engine.job_types)
    fired = [*fire_due(engine, due), *fire_due(other, due)]
    assert len(fired) == len(waiting(engine)) == 1


def test_the_broker_away_is_waited_out(engine: Engine) -> None:
    away = Scheduler(Engine("redis://127.0.0.1:1/0", {"scheduled": QueueOptions()}))
    assert away.tick() == 1.0
    assert not away.leading


def test_a_repeated_job_is_a_schedule_and_asked_for_twice_it_is_one(engine: Engine) -> None:
    repeat = {"pattern": "0 0 * * *", "tz": "Europe/Istanbul"}
    options = {"priority": 2, "timeout": timedelta(minutes=5), "backoff": {"delay": timedelta(seconds=9)}}
    jobs = [enqueue_repeated(engine, "scheduled", "note", {"text": "x"}, repeat, options) for _ in range(2)]
    (state,) = engine.schedules.list()
    assert jobs[0].id == jobs[1].id == f"schedule-{state.name}"
    assert (jobs[0].state, jobs[0].priority) == ("delayed", 2)
    (fired_id,) = fire_due(engine, due_time(engine, state.name))
    fired = engine.queue("scheduled").job(fired_id)
    assert (fired.priority, fired.timeout, fired.options["backoff"]) == (2, 300, {"delay": 9})


def test_a_repeated_job_is_listed_among_the_delayed_ones_by_its_next_time_and_changed_as_a_schedule_only(
    engine: Engine,
) -> None:
    queue = engine.queue("scheduled")
    sooner, later = (queue.enqueue("note", {}, delay=delay, priority=8) for delay in (1, 90_000))
    engine.schedules.add(Schedule("no-job", "note", every=60))
    job = enqueue_repeated(engine, "scheduled", "note", {"text": "x"}, {"every": 3600}, {"job_id": "hourly"})
    next_at = engine.schedules.get("hourly").next_at
    assert (job.id, job.state, job.run_at) == ("schedule-hourly", "delayed", next_at)
    assert queue.job(job.id) == job
    page = queue.jobs("delayed", 0, 10)
    assert [each.id for each in page.jobs] == [sooner.id, job.id, later.id]
    assert page.jobs[1].run_at == next_at
    assert [each.id for each in queue.jobs("delayed", 1, 2).jobs] == [job.id]
    assert page.total == engine.stats()[0].delayed == 3
    for move in (queue.promote, queue.remove, lambda job_id: queue.set_priority(job_id, 1)):
        with pytest.raises(InvalidJobState, match="change the schedule instead"):
            move(job.id)
    with pytest.raises(InvalidJobState, match="change the schedule instead"):
        queue.reschedule(job.id, 5)
    engine.schedules.pause("hourly")
    assert queue.job(job.id).run_at is None
    assert queue.jobs("delayed").total == engine.stats()[0].delayed == 2
    engine.schedules.remove("hourly")
    with pytest.raises(JobNotFound):
        queue.job(job.id)


@pytest.mark.parametrize("repeat", ["daily", {"pattern": "61 * * * *"}, {"cron": "* * * * *"}, {}, {"every": -1}])
def test_a_wrong_repeat_is_refused(engine: Engine, repeat: Any) -> None:
    with pytest.raises(InvalidJobOption):
        enqueue_repeated(engine, "scheduled", "note", {}, repeat, {})


def test_a_delayed_job_is_promoted_by_the_leader(engine: Engine) -> None:
    job = engine.queue("scheduled").enqueue("note", {}, delay=0.001)
    assert datetime.now(UTC) > datetime(2026, 1, 1, tzinfo=UTC)
    scheduler = Scheduler(engine)
    while engine.queue("scheduled").job(job.id).state == "delayed":
        scheduler.tick()
    assert waiting(engine) == [job.id]
