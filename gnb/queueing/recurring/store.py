"""The schedules stored in the broker, with their next times and runs.

    engine.schedules.add(Schedule("nightly", "clean-up", cron="0 3 * * *", tz="Europe/Istanbul"))
    engine.schedules.get("nightly").upcoming        # the next five firings
    engine.schedules.pause("nightly")

A schedule is a job template of rq-scheduler, `rq:job:schedule-<name>` in RQ's format, and its next time in
`rq:scheduler:scheduled_jobs`; `gnb:schedule:<name>` holds its counters. `scheduler.py` fires them.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import InvalidSchedule, ScheduleInCode, ScheduleNotFound
from ..job import Job
from ..keys import NEXT, PAUSED, TEMPLATE_PREFIX
from ..messages import Message, make_message
from ..scripts import RUN_SCHEDULE, SAVE_SCHEDULE
from .runs import KEPT, OPEN, Run, outcomes_key, read_runs, runs_key
from .schedule import Schedule

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)

LEADER = "rq:scheduler_lock"
NAMES = "gnb:schedules:names"
"""The names of all schedules, from which a lost entry of NEXT is restored."""
REPEATED = "gnb:schedules:repeated"
"""The names of those that the job option `repeat` made: their templates are listed as delayed jobs, by repeated.lua."""
_UPCOMING = 5
_LATE_AFTER = 60.0


@dataclass(frozen=True)
class ScheduleState:
    """A snapshot of a schedule. `fired`, `skipped` (because of overlap) and `missed` count firings."""

    schedule: Schedule
    in_code: bool
    paused: bool
    next_at: datetime | None
    last_at: datetime | None
    fired: int
    skipped: int
    missed: int
    error: str | None
    late: bool
    upcoming: tuple[datetime, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def name(self) -> str:
        return self.schedule.name


class Schedules:
    """The schedules of one engine. Methods raise QueueUnavailable if the broker is unreachable."""

    def __init__(self, engine: "Engine"):
        self._engine = engine
        self._broker = engine.broker

    # Reading

    def list(self) -> tuple[ScheduleState, ...]:
        """Return all schedules by name, each with its newest run."""
        names = sorted(name.decode() for name in self._broker.call(lambda: self._broker.client.smembers(NAMES)))
        return self._states(names, runs=1, upcoming=1)

    def get(self, name: str) -> ScheduleState:
        """Return the schedule with its next five firings and its newest fifty runs. Raises ScheduleNotFound."""
        found = self._states([name], runs=KEPT, upcoming=_UPCOMING)
        if not found:
            raise _unknown(name)
        return found[0]

    def leader(self) -> str | None:
        """Return the leading scheduler process as host:pid ("rqscheduler" for rq-scheduler's own command), or None."""
        token = self._broker.call(lambda: self._broker.client.get(LEADER))
        return (token.decode().rpartition(":")[0] or "rqscheduler") if token else None

    def _states(self, names: Sequence[str], runs: int, upcoming: int) -> tuple[ScheduleState, ...]:
        pipeline = self._broker.client.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            pipeline.hgetall(template_key(name))
            pipeline.hgetall(counters_key(name))
            pipeline.zscore(NEXT, TEMPLATE_PREFIX + name)
        (seconds, _), *answers = self._broker.call(pipeline.execute)
        now, all_runs = datetime.fromtimestamp(seconds, UTC), read_runs(self._broker, names, runs)
        found = []
        for name, template, counters, score in zip(names, answers[::3], answers[1::3], answers[2::3], strict=True):
            if template:
                try:
                    found.append(_state(name, template, counters, score, tuple(all_runs[name]), now, upcoming))
                except Exception:  # one unreadable record must not hide the others
                    log.exception("schedule %s cannot be read", name)
        return tuple(found)

    # Changing

    def add(self, schedule: Schedule, first: datetime | None = None) -> Schedule:
        """Add a schedule; adding an equal one again changes nothing.

        Args:
            first: The time of the first firing, otherwise by the schedule's timing.

        Raises:
            InvalidSchedule: Another schedule has the name.
            UnknownJobType, InvalidJobData, InvalidJobOption: As `Queue.enqueue`.
        """
        self._check(schedule)
        new = self.save(schedule, "new", first=first)
        if not new and self.get(schedule.name).schedule != schedule:
            raise InvalidSchedule({"name": [make_message("invalid_schedule.exists", value=repr(schedule.name))]})
        return schedule

    def edit(self, name: str, **changes: Any) -> Schedule:
        """Change fields of a schedule. One declared in code keeps the change until its declaration changes.

        Raises ScheduleNotFound, InvalidSchedule.
        """
        schedule = self.get(name).schedule.changed({**changes, "name": name})
        self._check(schedule)
        if not self.save(schedule, "known", self.code(name)):
            raise _unknown(name)
        return schedule

    def remove(self, name: str) -> None:
        """Remove a schedule; the jobs it fired stay. Raises ScheduleNotFound, ScheduleInCode."""
        if not self._broker.call(lambda: self._broker.client.exists(template_key(name))):
            raise _unknown(name)
        if self.code(name):
            raise ScheduleInCode(name=name)
        self.delete(name)

    def pause(self, name: str) -> None:
        """Stop firing until `resume`. Raises ScheduleNotFound."""
        self._set_next(name, "pause")

    def resume(self, name: str) -> None:
        """Continue with the first firing from now on. Raises ScheduleNotFound."""
        self._set_next(name, "resume")

    def run(self, name: str) -> Job:
        """Enqueue a job of the schedule immediately, in addition to its firings. Raises ScheduleNotFound."""
        schedule = self.get(name).schedule
        queue, now = self._engine.queue(schedule.queue), self._broker.now()
        job_id = f"{name}-by-hand-{now:%Y%m%dT%H%M%S}-{now.microsecond:06}"
        job = queue.enqueue(schedule.type, schedule.data, **schedule.options, job_id=job_id)
        entry = f"{now.timestamp():.6f}|hand"
        self._broker.run(RUN_SCHEDULE, [template_key(name), runs_key(name), OPEN], [name, job_id, entry, KEPT])
        return job

    def list_as_job(self, schedule: Schedule) -> Job:
        """List the schedule's template among the delayed jobs of its queue, and return it as a job."""
        self._broker.call(lambda: self._broker.client.sadd(REPEATED, schedule.name))
        return self._engine.queue(schedule.queue).job(TEMPLATE_PREFIX + schedule.name)

    def sync(self, declared: Iterable[Schedule]) -> dict[str, str]:
        """Store the schedules declared in code; idempotent.

        A schedule that an admin added under the same name is kept. An admin's changes are kept until the declaration in
        the code changes, and a paused schedule stays paused.

        Returns:
            By name: "added", "changed", "removed", "kept" or "taken" (by one that an admin added).
        """
        done: dict[str, str] = {}
        known = {state.name: state for state in self.list()}
        for schedule in declared:
            done[schedule.name] = self._sync_one(schedule, known.get(schedule.name))
        for name, state in known.items():
            if state.in_code and name not in done:
                self.delete(name)
                done[name] = "removed"
        return done

    def _sync_one(self, schedule: Schedule, known: ScheduleState | None) -> str:
        self._check(schedule)
        if known and not known.in_code:
            return "taken"
        if known and self.code(schedule.name) == schedule.to_json():
            return "kept"
        self.save(schedule, "any", schedule.to_json())
        return "changed" if known else "added"

    def code(self, name: str) -> str | None:
        """Return the declaration in code; None for a schedule that an admin added, or that cannot be read."""
        meta = self._broker.call(lambda: self._broker.client.hget(template_key(name), "meta"))
        try:
            code: str | None = json.loads(meta or "{}").get("code")
        except (ValueError, AttributeError):
            return None
        return code

    def delete(self, name: str) -> None:
        """Delete the template, the next time, the counters and the runs of a schedule, whoever declared it."""
        pipeline = self._broker.client.pipeline()
        pipeline.zrem(NEXT, TEMPLATE_PREFIX + name)
        pipeline.srem(NAMES, name)
        pipeline.srem(REPEATED, name)
        pipeline.delete(template_key(name), counters_key(name), runs_key(name), outcomes_key(name))
        self._broker.call(pipeline.execute)

    def move(self, name: str, at: float) -> None:
        """Set the next time of a schedule to one outside its timing; the firing after that is by its timing again."""
        pipeline = self._broker.client.pipeline()
        pipeline.zadd(NEXT, {TEMPLATE_PREFIX + name: at}, xx=True)
        pipeline.hset(counters_key(name), "moved_to", at)
        self._broker.call(pipeline.execute)

    def _check(self, schedule: Schedule) -> None:
        self._engine.queue(schedule.queue).build_job(schedule.type, schedule.data, schedule.options)

    def save(self, schedule: Schedule, only: str, code: str | None = None, first: datetime | None = None) -> bool:
        """Write the template and the next time; return whether `only` ("new", "known", "any") allowed it."""
        queue = self._engine.queue(schedule.queue)
        fields = queue.build_job(schedule.type, schedule.data, schedule.options).fields
        fields += ["status", "scheduled", "meta", schedule.to_meta(code)]
        for kept in ("result_ttl", "failure_ttl", "keep_completed", "keep_failed"):
            fields += [kept, -1]
        return self._set(schedule, only, "", first, *fields)

    def _set_next(self, name: str, move: str) -> None:
        if not self._set(self.get(name).schedule, "known", move):
            raise _unknown(name)

    def _set(self, schedule: Schedule, only: str, move: str, first: datetime | None = None, *fields: Any) -> bool:
        at = (first or schedule.after(self._broker.now())[0]).timestamp()
        keys = [NEXT, template_key(schedule.name), NAMES]
        return bool(self._broker.run(SAVE_SCHEDULE, keys, [schedule.name, at, only, move, PAUSED, *fields]))


def firing_id(name: str, at: datetime) -> str:
    """Return the id of the job for the firing at that time."""
    return f"{name}-{at:%Y%m%dT%H%M%SZ}"


def template_key(name: str) -> str:
    return f"rq:job:{TEMPLATE_PREFIX}{name}"


def counters_key(name: str) -> str:
    return f"gnb:schedule:{name}"


def _unknown(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(name=repr(name))


def _state(
    name: str,
    template: dict[bytes, bytes],
    counters: dict[bytes, bytes],
    score: float | None,
    runs: tuple[Run, ...],
    now: datetime,
    upcoming: int,
) -> ScheduleState:
    schedule, paused = Schedule.from_template(name, template), (score or 0) >= PAUSED
    next_at = datetime.fromtimestamp(score, UTC) if score and not paused else None
    later = [next_at, *schedule.after(max(next_at, now), upcoming - 1)] if next_at else []
    last_at = counters.get(b"last_at")
    return ScheduleState(
        schedule=schedule,
        in_code=bool(json.loads(template[b"meta"]).get("code")),
        paused=paused,
        next_at=next_at,
        last_at=datetime.fromtimestamp(float(last_at), UTC) if last_at else None,
        fired=int(counters.get(b"fired", 0)),
        skipped=int(counters.get(b"skipped", 0)),
        missed=int(counters.get(b"missed", 0)),
        error=((text := counters.get(b"error", b"").decode()) and Message.unpack(text)) or None,
        late=next_at is not None and (now - next_at).total_seconds() > _LATE_AFTER,
        upcoming=tuple(later),
        runs=runs,
    )
