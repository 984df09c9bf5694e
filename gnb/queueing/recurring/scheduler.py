"""The scheduler process: rq-scheduler with atomic firings. Any number may run; one leads.

    scheduler = Scheduler(engine)
    scheduler.cron("0 3 * * *", "gnb.jobs.scheduled.clean_up", id="nightly", tz="Europe/Istanbul")
    scheduler.run()

The leader holds a lock for three seconds and refreshes it by its token; the others try to acquire it twice a second, so
one of them leads at most four seconds after the leader was killed. Even two schedulers that both act as leader, such as
after a paused process resumes, fire nothing twice.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import rq_scheduler
from redis.exceptions import RedisError
from rq.scripts import acquire_or_refresh_lock, release_lock

from .. import clock
from ..errors import QueueUnavailable, UnsupportedBroker
from ..keys import NEXT, PAUSED, TEMPLATE_PREFIX
from ..maintenance import promote, resolve_dependents
from ..outage import OutageLog
from ..scripts import ENQUEUE_SCHEDULED
from .cron import local_zone
from .firing import fire, prepare, record_failure, repair
from .runs import write_outcomes
from .schedule import Schedule
from .template import ScheduledJob, build_schedule

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)

LEASE = 3
_TICK = 0.5
_SECONDS_BETWEEN_UPKEEP = 2.0
_SECONDS_BETWEEN_REPAIRS = 30.0


class Scheduler(rq_scheduler.Scheduler):
    """An rq-scheduler for the engine's queues.

    Args:
        declared: The schedules declared in code, stored before anything fires.

    Inherited methods use the engine's connection and raise redis-py's errors.
    """

    job_class = ScheduledJob

    def __init__(
        self,
        engine: "Engine",
        declared: Iterable[Schedule] | None = None,
        queue_name: str = "scheduled",
        name: str | None = None,
    ):
        name = name or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}"
        super().__init__(queue_name, interval=_TICK, connection=engine.broker.client, name=name)
        self.leading = False
        self._engine = engine
        self._declared = None if declared is None else tuple(declared)
        self._prepared = False
        self._stops: SimpleQueue[None] = SimpleQueue()
        self._outage = OutageLog(engine.url)
        self._next_upkeep = self._next_repair = 0.0

    # Schedules, by rq-scheduler's API

    def cron(
        self,
        cron_string: str,
        func: Any,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        repeat: int | None = None,
        queue_name: str | None = None,
        *,
        use_local_timezone: bool = False,
        tz: str | None = None,
        **options: Any,
    ) -> ScheduledJob:
        """Add a schedule by a cron expression; return its template.

        Args:
            func: A declared job type or its dotted path; `kwargs` are the data of its jobs.
            tz: The time zone of the expression, otherwise UTC or, with `use_local_timezone`, this machine's.
            options: As rq-scheduler's `id` (the name), `timeout`, `result_ttl`, `at_front`; and the schedule's
                `overlap`, `catch_up` and `options`.

        Raises:
            InvalidJobOption: An option of rq-scheduler that the engine does not have.
            InvalidSchedule, UnknownJobType, InvalidJobData: As `Schedules.add`.
        """
        timing = {"cron": cron_string, "repeat": repeat, "tz": tz or (local_zone() if use_local_timezone else "UTC")}
        types, call = self._engine.job_types, {**options, "args": args, "queue_name": queue_name}
        return self._add(build_schedule(types, func, kwargs, timing, call))

    def schedule(
        self,
        scheduled_time: datetime,
        func: Any,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        interval: float | None = None,
        repeat: int | None = None,
        **options: Any,
    ) -> Any:
        """Add a schedule that fires at that time (UTC) and then every `interval` seconds; return its template. Without
        an interval the job runs once. Options and errors as in `cron`."""
        if interval is None:
            return super().schedule(scheduled_time, func, args, kwargs, None, repeat, **options)
        at = scheduled_time if scheduled_time.tzinfo else scheduled_time.replace(tzinfo=UTC)
        first = int(at.timestamp())
        timing = {"every": int(interval), "offset": first % max(int(interval), 1), "repeat": repeat}
        schedule = build_schedule(self._engine.job_types, func, kwargs, timing, {**options, "args": args})
        return self._add(schedule, datetime.fromtimestamp(first, UTC))

    def _add(self, schedule: Schedule, first: datetime | None = None) -> ScheduledJob:
        self._engine.schedules.add(schedule, first)
        job_id = TEMPLATE_PREFIX + schedule.name
        return ScheduledJob.fetch(job_id, connection=self.connection)  # type: ignore[return-value]

    def cancel(self, job: Any) -> None:
        """Remove a job, or a schedule with its template and its runs; takes a job or an id."""
        job_id = _id(job)
        if job_id.startswith(TEMPLATE_PREFIX):
            self._engine.schedules.delete(job_id.removeprefix(TEMPLATE_PREFIX))
        else:
            super().cancel(job_id)

    def change_execution_time(self, job: Any, date_time: datetime) -> None:
        """Set the next time (UTC) of a job or a schedule. Raises ValueError when it is not scheduled."""
        if job not in self:
            raise ValueError("Job not in scheduled jobs queue")
        at = (date_time if date_time.tzinfo else date_time.replace(tzinfo=UTC)).timestamp()
        if job.id.startswith(TEMPLATE_PREFIX):
            self._engine.schedules.move(job.id.removeprefix(TEMPLATE_PREFIX), int(at))
        else:
            self.connection.zadd(NEXT, {job.id: at}, xx=True)

    def get_jobs_to_queue(self, with_times: bool = False) -> Any:
        """Return the jobs and templates that are due by the broker's clock, as `get_jobs` does."""
        return self.get_jobs(self._engine.broker.now().timestamp(), with_times=with_times)

    # Firing

    def enqueue_jobs(self, now: datetime | None = None) -> list[str]:
        """Fire what is due at `now` (the broker's time); return the enqueued jobs' ids. Raises QueueUnavailable."""
        broker, fired = self._engine.broker, list[str]()
        moment = now or broker.now()
        for member in broker.call(lambda: self.connection.zrangebyscore(NEXT, "-inf", moment.timestamp())):
            job_id = member.decode(errors="replace")
            try:
                fired += self.enqueue_job(job_id, moment)
            except QueueUnavailable:
                raise
            except Exception as error:  # one bad record must not stop the others
                if record_failure(self._engine, job_id, error):
                    log.exception("%s cannot be fired", job_id)
        return fired

    def enqueue_job(self, job: Any, now: datetime | None = None) -> list[str]:
        """Fire the schedule of this template, or move this job to its queue; return the ids of the enqueued jobs."""
        broker, job_id = self._engine.broker, _id(job)
        pipeline = self.connection.pipeline(transaction=False)
        pipeline.hgetall(f"rq:job:{job_id}")
        pipeline.zscore(NEXT, job_id)
        template, score = broker.call(pipeline.execute)
        if not template:
            self.cancel(job_id)
            return []
        if job_id.startswith(TEMPLATE_PREFIX):
            if score is None or score >= PAUSED:
                return []
            due = datetime.fromtimestamp(score, UTC)
            return fire(self._engine, job_id.removeprefix(TEMPLATE_PREFIX), template, due, now or due)
        return self._enqueue_once(job_id, template)

    def _enqueue_once(self, job_id: str, fields: dict[bytes, bytes]) -> list[str]:
        stored = self.job_class.fetch(job_id, connection=self.connection)
        if stored.meta.get("interval") or stored.meta.get("cron_string"):
            super().enqueue_job(stored)  # added by plain rq-scheduler: fired as it would
            return [job_id]
        side, wake = "LPUSH" if stored.enqueue_at_front else "RPUSH", f"gnb:wake:{stored.origin.partition(':')[0]}"
        keys = [NEXT, stored.key, f"rq:queue:{stored.origin}", "rq:queues", wake]
        return [job_id] if self._engine.broker.run(ENQUEUE_SCHEDULED, keys, [job_id, clock.rq_time(), side]) else []

    def run(self, burst: bool = False) -> None:
        """Fire due schedules until SIGTERM, SIGINT or `stop()`, with `burst` once; then release the lock, so that
        another scheduler leads immediately. Raises UnsupportedBroker."""
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.signal(number, self.stop) for number in (signal.SIGTERM, signal.SIGINT)}
        log.info("scheduler %s starts", self.name)
        pause = 0.0
        try:
            while not self._stopped_within(pause):
                pause = self.tick()
                if burst:
                    break
        finally:
            self.remove_lock()
            for number, handler in before.items():
                signal.signal(number, handler)
        log.info("scheduler %s ends", self.name)

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Make `run` return after its current step."""
        self._stops.put(None)  # unlike Event.set() it acquires no lock that the interrupted code may hold

    def _stopped_within(self, seconds: float) -> bool:
        try:
            self._stops.get(timeout=seconds)
        except Empty:
            return False
        return True

    def tick(self) -> float:
        """Run one round: acquire the lock if it is free, promote, fire. Return the seconds until the next round."""
        try:
            if not self._prepared:
                prepare(self._engine, self._declared)
                self._prepared = True
            if time.monotonic() >= self._next_upkeep:
                self._next_upkeep = time.monotonic() + _SECONDS_BETWEEN_UPKEEP
                self._engine.broker.call(self._register)
                if self.leading:
                    write_outcomes(self._engine.broker)
            return self._run_due() if self.acquire_lock() else _TICK
        except UnsupportedBroker:
            raise
        except QueueUnavailable as error:
            self._outage.report(error)
        except Exception:  # one failing round must not end the scheduler
            if not self._prepared:
                raise
            log.exception("a round of the scheduler failed")
        self.leading = False
        return 1.0

    def acquire_lock(self) -> bool:
        """Acquire the lock or refresh it; return whether this scheduler leads. Raises QueueUnavailable."""
        answer = self._engine.broker.call(
            lambda: acquire_or_refresh_lock(self.connection, self.scheduler_lock_key, self.name, LEASE)
        )
        self._outage.end()
        if answer == "acquired":
            log.info("scheduler %s leads", self.name)
            self._next_repair = 0.0
        self.leading = answer != "taken"
        return self.leading

    def remove_lock(self) -> None:
        """Release the lock if this scheduler holds it, and register the end of this scheduler."""
        try:
            release_lock(self.connection, self.scheduler_lock_key, self.name)
            self.register_death()
        except (RedisError, OSError):
            log.debug("the broker is unreachable; the lock expires by itself")

    def _register(self) -> None:
        self.heartbeat() if self.connection.exists(self.key) else self.register_birth()

    def _run_due(self) -> float:
        broker = self._engine.broker
        if time.monotonic() >= self._next_repair:
            repair(self._engine)
            self._next_repair = time.monotonic() + _SECONDS_BETWEEN_REPAIRS
        broker.call(lambda: promote(self._engine))
        broker.call(lambda: resolve_dependents(self._engine))
        for job_id in self.enqueue_jobs():
            log.info("enqueued %s", job_id)
        first = broker.call(lambda: self.connection.zrange(NEXT, 0, 0, withscores=True))
        return min(max(first[0][1] - broker.now().timestamp(), 0.01), _TICK) if first else _TICK


def _id(job: Any) -> str:
    return job if isinstance(job, str) else str(job.id)
