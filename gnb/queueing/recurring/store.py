"""The schedules in the broker: what recurs, when next, and what became of it.

    engine.schedules.add(Schedule("nightly", "clean-up", cron="0 3 * * *", tz="Europe/Istanbul"))
    engine.schedules.get("nightly").upcoming        # the next five firings
    engine.schedules.pause("nightly")

A schedule is a hash and a place in the sorted set of next times. `firing.py` makes the firings, `scheduler.py` the
process that does so on time.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import InvalidSchedule, ScheduleInCode, ScheduleNotFound
from ..job import Job
from ..scripts import RUN_SCHEDULE, SAVE_SCHEDULE
from .runs import KEPT, OPEN, Run, outcomes_key, read_runs, runs_key
from .schedule import Schedule

if TYPE_CHECKING:
    from ..engine import Engine

NEXT = "gnb:schedules"
LEADER = "gnb:scheduler:leader"
_UPCOMING = 5
_LATE_AFTER = 60.0


@dataclass(frozen=True)
class ScheduleState:
    """A schedule as it stood when it was read. `fired`, `skipped` (for overlap) and `missed` count firings."""

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
    """The schedules of one engine. Methods raise QueueUnavailable while the broker is away."""

    def __init__(self, engine: "Engine"):
        self._engine = engine
        self._broker = engine.broker

    # Reading

    def list(self) -> tuple[ScheduleState, ...]:
        """All schedules by name, each with its newest run."""
        names = sorted(name.decode() for name in self._broker.call(lambda: self._broker.client.zrange(NEXT, 0, -1)))
        return self._states(names, runs=1, upcoming=1)

    def get(self, name: str) -> ScheduleState:
        """The schedule with its next five firings and its newest fifty runs. Raises ScheduleNotFound."""
        found = self._states([name], runs=KEPT, upcoming=_UPCOMING)
        if not found:
            raise _unknown(name)
        return found[0]

    def leader(self) -> str | None:
        """The scheduler process that leads at this moment, as host:pid; None when there is none."""
        token = self._broker.call(lambda: self._broker.client.get(LEADER))
        return token.decode().rpartition(":")[0] if token else None

    def _states(self, names: Sequence[str], runs: int, upcoming: int) -> tuple[ScheduleState, ...]:
        pipeline = self._broker.client.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            pipeline.hgetall(_key(name))
            pipeline.zscore(NEXT, name)
        (seconds, _), *answers = self._broker.call(pipeline.execute)
        now, all_runs = datetime.fromtimestamp(seconds, UTC), read_runs(self._broker, names, runs)
        return tuple(
            _state(words, score, tuple(all_runs[name]), now, upcoming)
            for name, words, score in zip(names, answers[::2], answers[1::2], strict=True)
            if words and score is not None
        )

    # Changing

    def add(self, schedule: Schedule) -> Schedule:
        """The new schedule; the same one twice is one. Raises InvalidSchedule when another has its name, and what
        `Queue.enqueue` raises for a type, data or options that cannot be."""
        self._check(schedule)
        new = self._save(schedule, "new", "origin", "hand", "created_at", repr(time.time()))
        if not new and self.get(schedule.name).schedule != schedule:
            raise InvalidSchedule({"name": [f"there is a schedule {schedule.name!r} already"]})
        return schedule

    def edit(self, name: str, **changes: Any) -> Schedule:
        """The schedule with these fields anew; one from the code stays so until its definition there changes.
        Raises ScheduleNotFound, InvalidSchedule."""
        schedule = self.get(name).schedule.changed({**changes, "name": name})
        self._check(schedule)
        if not self._save(schedule, "known"):
            raise _unknown(name)
        return schedule

    def remove(self, name: str) -> None:
        """The schedule is gone; jobs it has fired stay. Raises ScheduleNotFound, ScheduleInCode."""
        if self.get(name).in_code:
            raise ScheduleInCode(f"schedule {name} is declared in the code; pause it instead")
        self._delete(name)

    def pause(self, name: str) -> None:
        """Nothing is fired until `resume`. Raises ScheduleNotFound."""
        self._set_next(name, "pause")

    def resume(self, name: str) -> None:
        """The next firing is the first one from now on. Raises ScheduleNotFound."""
        self._set_next(name, "resume")

    def run(self, name: str) -> Job:
        """The job that was enqueued at once, beside the schedule's own firings. Raises ScheduleNotFound."""
        schedule = self.get(name).schedule
        queue, now = self._engine.queue(schedule.queue), self._broker.now()
        job_id = f"{name}-by-hand-{now:%Y%m%dT%H%M%S}-{now.microsecond:06}"
        job = queue.enqueue(schedule.type, schedule.data, **schedule.options, job_id=job_id)
        entry = f"{now.timestamp():.6f}|hand"
        self._broker.run(RUN_SCHEDULE, [_key(name), runs_key(name), OPEN], [name, job_id, entry, KEPT])
        return job

    def next_job(self, name: str) -> Job:
        """The job that the schedule will fire next, as it will be. Raises ScheduleNotFound."""
        state = self.get(name)
        at = state.next_at or self._broker.now()
        schedule, queue = state.schedule, self._engine.queue(state.schedule.queue)
        options = {**schedule.options, "job_id": firing_id(name, at)}
        return replace(queue.build_job(schedule.type, schedule.data, options).job, state="delayed", run_at=at)

    def sync(self, declared: Iterable[Schedule]) -> dict[str, str]:
        """Brings the code's schedules to the broker; what was done by name: added, changed, removed, kept or taken.

        Done again it changes nothing. One made by hand keeps its name ("taken"). What an admin has changed stays until
        the code's own definition changes; a paused one stays paused.
        """
        done: dict[str, str] = {}
        known = {state.name: state for state in self.list()}
        for schedule in declared:
            done[schedule.name] = self._sync_one(schedule, known.get(schedule.name))
        for name, state in known.items():
            if state.in_code and name not in done:
                self._delete(name)
                done[name] = "removed"
        return done

    def _sync_one(self, schedule: Schedule, known: ScheduleState | None) -> str:
        self._check(schedule)
        if known and not known.in_code:
            return "taken"
        before = self._broker.call(lambda: self._broker.client.hget(_key(schedule.name), "code"))
        if before and before.decode() == schedule.to_json():
            return "kept"
        self._save(schedule, "any", "origin", "code", "code", schedule.to_json())
        return "changed" if known else "added"

    def _check(self, schedule: Schedule) -> None:
        self._engine.queue(schedule.queue).build_job(schedule.type, schedule.data, schedule.options)

    def _save(self, schedule: Schedule, only: str, *words: str) -> bool:
        following = schedule.after(self._broker.now())[0].timestamp()
        args = [schedule.name, following, only, "", "definition", schedule.to_json(), *words]
        return bool(self._broker.run(SAVE_SCHEDULE, [NEXT, _key(schedule.name)], args))

    def _set_next(self, name: str, move: str) -> None:
        following = self.get(name).schedule.after(self._broker.now())[0].timestamp()
        if not self._broker.run(SAVE_SCHEDULE, [NEXT, _key(name)], [name, following, "known", move]):
            raise _unknown(name)

    def _delete(self, name: str) -> None:
        pipeline = self._broker.client.pipeline()
        pipeline.zrem(NEXT, name)
        pipeline.delete(_key(name), runs_key(name), outcomes_key(name))
        self._broker.call(pipeline.execute)


def firing_id(name: str, at: datetime) -> str:
    """The id of the job for that firing."""
    return f"{name}-{at:%Y%m%dT%H%M%SZ}"


def _key(name: str) -> str:
    return f"gnb:schedule:{name}"


def _unknown(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"there is no schedule {name!r}")


def _state(
    words: dict[bytes, bytes], score: float, runs: tuple[Run, ...], now: datetime, upcoming: int
) -> ScheduleState:
    schedule, paused = Schedule.from_json(words[b"definition"]), b"paused" in words
    next_at = datetime.fromtimestamp(score, UTC) if math.isfinite(score) else None
    later = [next_at, *schedule.after(max(next_at, now), upcoming - 1)] if next_at else []
    last_at = words.get(b"last_at")
    return ScheduleState(
        schedule=schedule,
        in_code=words.get(b"origin") == b"code",
        paused=paused,
        next_at=next_at,
        last_at=datetime.fromtimestamp(float(last_at), UTC) if last_at else None,
        fired=int(words.get(b"fired", 0)),
        skipped=int(words.get(b"skipped", 0)),
        missed=int(words.get(b"missed", 0)),
        error=words.get(b"error", b"").decode() or None,
        late=next_at is not None and (now - next_at).total_seconds() > _LATE_AFTER,
        upcoming=tuple(later),
        runs=runs,
    )
