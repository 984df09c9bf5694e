"""Runs the jobs that a worker process has dequeued, each within its timeout and as long as no stop is requested.

On a queue with `prefetch` one call dequeues several. They run one after another, and the next call finishes those that
have ended. Where a job runs for longer than HOLD, the others are reported or given back from the timer's signal.
"""

import logging
import math
import signal
from typing import Any

from redis.exceptions import RedisError, ResponseError

from .. import clock
from .. import keys as names
from ..connection import CONNECTION_ERRORS, WorkerConnection
from ..dependencies import RelatedJob, read_parents
from ..engine import Engine
from ..errors import JobStopped, JobTimedOut, UnsupportedFeature
from ..execution import Execution, Outcome, completed, finish_args, raised
from ..job import unsupported_feature
from ..job_context import JobContext
from ..queue import Queue
from ..scripts import FINISH, RELEASE, UPDATE_PROGRESS, DequeueArgs, run

log = logging.getLogger(__name__)

HOLD = 0.02
"""Seconds for which a job that has not started may be held, and one that has ended may stay unreported."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
"""The signals that a worker process handles; they are blocked when it is forked and while it reports from a signal."""

_ELEMENTS = 15
"""How many elements of the dequeue script's reply describe one job."""


class Runner:
    """The jobs that one call has dequeued: those that have ended and are not yet reported, and those that are held.

    `current`: where it writes the id of the execution that it runs, for its supervisor; None if it does not prefetch.
    """

    def __init__(self, engine: Engine, name: str, client: Any, connection: WorkerConnection, current: Any = None):
        self._engine = engine
        self._types = engine.job_types
        self._name = name
        self._client = client
        self._connection = connection
        self._current = current
        self.clock = clock.BrokerClock()
        self.held: list[Execution] = []
        self.ended: tuple[Any, ...] = ()
        """The finish script's arguments for the jobs that have ended."""
        self._due = 0.0
        self._queue: Any = None
        self._keys: tuple[str, ...] = ()
        self._running: Execution | None = None
        self.logged = False
        """Whether the job that ran last has written a log."""
        self._armed = False

    def begin(self, queue: Queue, keys: tuple[str, ...], reply: list[Any], execution_id: str) -> Execution:
        """Hold the jobs of a reply of `dequeue`, without its first element, and return the first one, which starts."""
        first = Execution.from_reply(reply[: 1 + _ELEMENTS], execution_id, queue.options_of)
        self.held = [
            Execution.from_reply(
                [reply[0], *reply[at : at + _ELEMENTS]], f"{execution_id[:-2]}{number:02x}", queue.options_of
            )
            for number, at in enumerate(range(1 + _ELEMENTS, len(reply), _ELEMENTS), 1)
        ]
        self._queue, self._keys, self.ended = queue, keys, ()
        self.clock.set(first.started)
        self._due = first.started + HOLD
        return first

    def next(self) -> Execution | None:
        """Return the next held job, which starts; None if there is none that may be held any longer."""
        if not self.held:
            return None
        now = self.clock.now()
        if now >= self._due:
            return None
        execution = self.held.pop(0)
        execution.started, execution.prefetched = now, True
        return execution

    def run(self, execution: Execution) -> tuple[Outcome, str]:
        """Run the job and return its outcome and its type's name; what its code raises becomes the outcome."""
        type_name, self.logged = "undeclared", False
        feature = None if execution.type else unsupported_feature(self._client, execution.id)
        try:
            if feature:
                raise UnsupportedFeature(feature)
            path, data = execution.call()
            job_type = self._types.at(path)
            type_name = job_type.name
            attempts = execution.attempt, execution.attempts
            write, parents, correlation_id = self._write_progress, self._parents, execution.correlation_id
            context = JobContext(execution.id, self._queue.name, type_name, *attempts, write, correlation_id, parents)
            context.timeout = execution.timeout if execution.timeout > 0 else None  # RQ: -1 is no timeout
            self._running = execution
            if self._current is not None:
                self._current[:] = execution.execution_id.encode()
            try:
                with self._types.scope(context):
                    loaded = job_type.load(data)
                    # Before it is armed: the timer of an earlier job, which may run out here, must not end this one.
                    self._set_timer(execution)
                    self._armed = True
                    value = job_type.function(loaded, context)
                    self._armed = False
            finally:
                self._armed = False  # the timer may run out; the next job sets it again
                self._running = None
            return completed(execution, value), type_name
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit included
            if type_name == "undeclared":
                log.warning("job %s of %s cannot be run: %s", execution.id, self._queue.name, error)
            return raised(execution, error), type_name

    def end(self, execution: Execution, outcome: Outcome, type_name: str, ended: float) -> None:
        """Keep how a job ended, for the next call."""
        dequeueing = DequeueArgs(self._name, "", clock.rq_time(ended), 0, "", "")
        logged = bool(self.logged or execution.before)
        self.ended += dequeueing + finish_args(
            execution, outcome, self._queue, type_name, ended, dequeue_next="later", may_have_logged=logged
        )

    def release(self, running: Execution | None = None) -> None:
        """Give back the held jobs, and record when the running one started."""
        started = (running.id, clock.rq_time(running.started)) if running else ("", "")
        pairs = [text for held in self.held for text in (held.sub_queue, held.member)]
        self._connection.call(RELEASE, self._keys, (*started, *pairs))
        self.held = []

    def _report(self, running: Execution) -> None:
        """Report the ended jobs and give back the held ones, while a job runs on.

        What fails is repeated by the call at the job's end. Signals wait meanwhile: one whose handler raises would
        leave a reply unread on the connection.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, (*SIGNALS, signal.SIGALRM))
            if self.ended:
                self._connection.call(FINISH, self._keys, self.ended)
                self.ended = ()
            self.release(running)
        except (*CONNECTION_ERRORS, ResponseError) as error:
            log.debug("prefetched jobs could not be given back yet: %s", error)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    # What a job's context does

    def _write_progress(self, keys: list[str], args: list[Any]) -> None:
        """Write progress and log lines on a connection apart from the loop's; only they are lost in an outage."""
        self.logged = True
        try:
            run(self._engine.broker.client, UPDATE_PROGRESS, keys, args)
        except (*CONNECTION_ERRORS, RedisError) as error:
            log.debug("progress could not be written: %s", error)

    def _parents(self, job_id: str) -> list[RelatedJob]:
        broker = self._engine.broker
        return broker.call(lambda: read_parents(broker.client, job_id))  # type: ignore[no-any-return]

    # Timeouts and stops

    def _set_timer(self, execution: Execution) -> None:
        """Set the timer to the job's timeout, or while other jobs are held or unreported to their time."""
        seconds = max(execution.timeout, 0)  # RQ writes -1 for no timeout, and 0 stops the timer
        if self.held or self.ended:
            seconds = max(self._due - self.clock.now(), 0.001)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _time_left(self, execution: Execution) -> float:
        return execution.started + execution.timeout - self.clock.now() if execution.timeout > 0 else math.inf

    def on_timer(self, _signal: int, _frame: Any) -> None:
        """End the running job if its time is over; until then, report and give back the others."""
        execution = self._running
        if not self._armed or execution is None:
            return
        if self._time_left(execution) > 0:
            self._report(execution)
            left = self._time_left(execution)
            signal.setitimer(signal.ITIMER_REAL, 0 if left == math.inf else max(left, 0.001))
            return
        self._armed = False
        raise JobTimedOut(limit=f"{execution.timeout:g}")

    def on_stop(self, _signal: int, _frame: Any) -> None:
        """Stop the running job or a held one, if the worker's hash names it."""
        execution = self._running
        if not self._armed or execution is None:
            return
        try:
            wanted: Any = self._engine.broker.client.hget(names.worker(self._name), "stop")
        except (*CONNECTION_ERRORS, RedisError):
            return
        member = wanted.decode() if wanted is not None else ""
        if self._armed and member == execution.member:
            self._armed = False
            raise JobStopped()
        for held in [held for held in self.held if held.member == member]:
            self.held.remove(held)
            type_name = held.type.decode(errors="replace") if held.type else "undeclared"
            held.started = now = self.clock.now()
            self.end(held, raised(held, JobStopped()), type_name, now)
            self._report(execution)  # before the supervisor takes the process for unresponsive
