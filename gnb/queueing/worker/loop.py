"""The loop of a worker process: dequeue a job, run it, finish it and dequeue the next in one round trip.

Its parent, the supervisor, renews the leases and kills the process if the job ignores its timeout or a stop request.
"""

import logging
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError

from .. import clock
from .. import keys as names
from ..connection import CONNECTION_ERRORS, WorkerConnection
from ..dependencies import RelatedJob, read_parents
from ..engine import Engine
from ..errors import JobStopped, JobTimedOut, UnsupportedFeature
from ..execution import Execution, Outcome, completed, finish_args, raised, released
from ..job import unsupported_feature
from ..job_context import JobContext
from ..maintenance import end_executions
from ..outage import is_outage
from ..queue import Queue
from ..scripts import DEQUEUE, FINISH, UPDATE_PROGRESS, DequeueArgs, Script, run

log = logging.getLogger(__name__)

LEASE = 12
"""Seconds after its last heartbeat for which an execution stays its worker's."""

_IDLE_BLOCK = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
"""The signals that the process handles; they are blocked when it is forked."""


class _Interrupted(Exception):
    """Raised by a signal into an idle worker."""


class WorkLoop:
    """The loop of a worker process: dequeue, run, finish."""

    def __init__(self, engine: Engine, queues: Sequence[Queue], name: str, burst: bool = False, max_jobs: int = 0):
        self.engine = engine
        self._types = engine.job_types
        self.name = name
        self.burst = burst
        self.max_jobs = max_jobs
        self.done = self.failed = 0
        self._seconds = 0.0
        self._queues = list(queues)
        self._client = engine.worker_client()
        self._connection = WorkerConnection(self._client, engine.url)
        self._clock = clock.BrokerClock()
        self._keys = {queue.name: tuple(queue.keys.for_worker(name)) for queue in queues}
        self._limits = {queue.name: queue.options.limits for queue in queues}
        self._prefix = os.urandom(10).hex()
        self._serial = 0
        self._stopping = False
        self._quiet = False
        self._interruptible = False
        self._running: Execution | None = None
        self._logged = False
        self._armed = False

    # The loop

    def run(self) -> int:
        """Run jobs until a signal stops it, a burst finds no job, or `max_jobs` have run; return how many have run."""
        self._handle_signals()
        answer = None
        while True:
            if answer is not None and answer[0] == b"job":
                answer = self._recovering(self._run_and_go_on, answer)
            elif self._stopping or self._reached_max_jobs():
                return self.done
            elif answer is None:  # at the start, after idling, and after an outage
                answer = self._recovering(self._dequeue_any)
            elif self.burst and not self._limited(answer):
                return self.done
            else:
                self._idle(float(answer[1]) if self._limited(answer) else _IDLE_BLOCK)
                answer = None

    def _recovering(self, step: Any, *args: Any) -> Any:
        """Return what the step returns; None after an outage of the broker, with no job held any more."""
        try:
            return step(*args)
        except (*CONNECTION_ERRORS, ResponseError) as error:
            self._recover(error)
            return None

    def _recover(self, error: Exception, pending: tuple[Queue, tuple[Any, ...]] | None = None) -> None:
        """Wait for the end of an outage; finish the pending run, and release what a lost reply had dequeued.

        During a shutdown it waits only for a pending run.

        Raises:
            ResponseError: The error, if it is not an outage's.
        """
        while True:
            if isinstance(error, ResponseError) and not is_outage(error):
                raise error
            if not self._connection.reconnect(error, give_up=lambda: self._stopping and pending is None):
                return
            try:
                if pending:
                    self._call(FINISH, pending[0], pending[1])
                self._release_lost()
                return
            except (*CONNECTION_ERRORS, ResponseError) as failure:
                error = failure

    def _dequeue_any(self) -> Any:
        """Return the reply of the first queue that has a job; otherwise the shortest wait, or that all are empty."""
        answers = []
        for queue in self._queues:
            if self._starts_no_more():
                return [b"empty"]
            answer = self._call(DEQUEUE, queue, self._dequeue_args(queue, self._clock.now(), was_idle="1"))
            if answer[0] == b"job":
                return [*answer, queue, self._execution]
            answers.append(answer)
        limited = [answer for answer in answers if self._limited(answer)]
        return min(limited, key=lambda answer: float(answer[1])) if limited else answers[0]

    def _run_and_go_on(self, answer: Any) -> Any:
        """Run the job of the reply, finish it, and return the reply for the next."""
        *words, queue, execution = answer
        execution = Execution.from_reply(words[1:], execution, queue.options_of)
        self._clock.set(execution.started)
        outcome, type_name = self._run(queue, execution)
        ended = self._clock.now()
        self._count_run(outcome, ended - execution.started)
        one_queue = len(self._queues) == 1
        go_on = one_queue and not self._starts_no_more()
        dequeueing = self._dequeue_args(queue, ended)
        ending = finish_args(
            execution,
            outcome,
            queue.options_of(type_name),
            type_name,
            ended,
            dequeue_next=go_on,
            may_have_logged=bool(self._logged or execution.before),
            totals=(self.done - self.failed, self.failed, f"{self._seconds:.3f}"),
        )
        try:
            _owned, *following = self._call(FINISH, queue, dequeueing + ending)
        except CONNECTION_ERRORS as error:
            self._recover(error, (queue, dequeueing + ending._replace(dequeue_next="")))
            return None
        if following[0] == b"job":
            return [*following, queue, self._execution]
        return following if one_queue and following[0] != b"none" else self._dequeue_any()

    def _call(self, script: Script, queue: Queue, args: tuple[Any, ...]) -> Any:
        return self._connection.call(script, self._keys[queue.name], args)

    def _dequeue_args(self, queue: Queue, now: float, was_idle: str = "") -> DequeueArgs:
        self._serial += 1
        self._execution = f"{self._prefix}{self._serial:012x}"
        limits = self._limits[queue.name]
        return DequeueArgs(self.name, self._execution, clock.rq_time(now), LEASE, *limits, was_idle)

    def _count_run(self, outcome: Outcome, seconds: float) -> None:
        self.done += 1
        self.failed += outcome.name != "completed"
        self._seconds += seconds

    def _starts_no_more(self) -> bool:
        return self._stopping or self._quiet or self._reached_max_jobs()

    def _reached_max_jobs(self) -> bool:
        return bool(self.max_jobs) and self.done >= self.max_jobs

    @staticmethod
    def _limited(answer: Any) -> bool:
        return answer is not None and answer[0] == b"wait"

    # One job

    def _run(self, queue: Queue, execution: Execution) -> tuple[Outcome, str]:
        """Run the job and return its outcome and its type's name; what its code raises becomes the outcome."""
        type_name, self._logged = "undeclared", False
        feature = None if execution.type else unsupported_feature(self._client, execution.id)
        try:
            if feature:
                raise UnsupportedFeature(feature)
            path, data = execution.call()
            job_type = self._types.at(path)
            type_name = job_type.name
            attempts = execution.attempt, execution.attempts
            write, parents, correlation_id = self._write_progress, self._parents, execution.correlation_id
            context = JobContext(execution.id, queue.name, type_name, *attempts, write, correlation_id, parents)
            context.timeout = timeout = execution.timeout if execution.timeout > 0 else None  # RQ: -1 is no timeout
            self._running = execution
            try:
                with self._types.scope(context):
                    loaded = job_type.load(data)
                    # Before it is armed: the timer of an earlier job, which may run out here, must not end this one.
                    signal.setitimer(signal.ITIMER_REAL, timeout or 0)
                    self._armed = True
                    value = job_type.function(loaded, context)
                    self._armed = False
            finally:
                self._armed = False  # the timer may run out; the next job sets it again
                self._running = None
            return completed(execution, value), type_name
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit included
            if type_name == "undeclared":
                log.warning("job %s of %s cannot be run: %s", execution.id, queue.name, error)
            return raised(execution, error), type_name

    def _write_progress(self, keys: list[str], args: list[Any]) -> None:
        """Write progress and log lines on a connection apart from the loop's; only they are lost in an outage."""
        self._logged = True
        try:
            run(self.engine.broker.client, UPDATE_PROGRESS, keys, args)
        except (*CONNECTION_ERRORS, RedisError) as error:
            log.debug("progress could not be written: %s", error)

    def _parents(self, job_id: str) -> list[RelatedJob]:
        broker = self.engine.broker
        return broker.call(lambda: read_parents(broker.client, job_id))  # type: ignore[no-any-return]

    def _release_lost(self) -> None:
        self._clock.set(clock.broker_seconds(self._connection.command("TIME")))
        end_executions(
            self.engine, self._client, self.name, lambda execution, _stalls: released(execution), count=False
        )

    # Waiting, and signals

    def _idle(self, longest: float) -> None:
        """Wait until a queue's wake-up key has a member, for `longest` seconds or a second at most."""
        block = max(min(longest, _IDLE_BLOCK), 0.001)
        keys = [queue.keys.wake for queue in self._queues]
        try:
            self._interruptible = True
            if self._stopping:
                return
            if longest < _IDLE_BLOCK or self._quiet:  # a quiet worker leaves the wake-up to others
                time.sleep(block)
            else:
                self._connection.command("BZPOPMIN", *keys, block)
        except _Interrupted:
            self._connection.close()
        except CONNECTION_ERRORS as error:
            self._interruptible = False
            self._recover(error)
        finally:
            self._interruptible = False

    def _handle_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._on_shut_down)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, self._on_timeout)
        signal.signal(signal.SIGUSR1, self._on_stop)
        signal.signal(signal.SIGUSR2, self._on_quiet)
        signal.signal(signal.SIGCONT, self._on_quiet)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _on_shut_down(self, _signal: int, _frame: Any) -> None:
        self._stopping = True
        self._interrupt()

    def _on_quiet(self, number: int, _frame: Any) -> None:
        self._quiet = number == signal.SIGUSR2
        self._interrupt()

    def _interrupt(self) -> None:
        if self._interruptible:
            self._interruptible = False
            raise _Interrupted

    def _on_timeout(self, _signal: int, _frame: Any) -> None:
        execution = self._running
        if self._armed and execution:
            self._armed = False
            raise JobTimedOut(limit=f"{execution.timeout:g}")

    def _on_stop(self, _signal: int, _frame: Any) -> None:
        execution = self._running
        if not self._armed or execution is None:
            return
        try:
            wanted: Any = self.engine.broker.client.hget(names.worker(self.name), "stop")
        except (*CONNECTION_ERRORS, RedisError):
            return
        if self._armed and wanted is not None and wanted.decode() == f"{execution.id}:{execution.execution_id}":
            self._armed = False
            raise JobStopped()
