"""The loop of a worker process: dequeue a job, run it, finish it and dequeue the next in one round trip.

Its parent, the supervisor, renews the leases and kills the process if the job ignores its timeout or a stop request.
"""

import logging
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from .. import clock
from ..connection import CONNECTION_ERRORS, WorkerConnection
from ..engine import Engine
from ..execution import Outcome, finish_args, released
from ..maintenance import end_executions
from ..outage import is_outage
from ..queue import Queue
from ..scripts import DEQUEUE, FINISH, DequeueArgs, Script
from .runner import HOLD, SIGNALS, Runner

log = logging.getLogger(__name__)

LEASE = 12
"""Seconds after its last heartbeat for which an execution stays its worker's."""

_IDLE_BLOCK = 1.0


class _Interrupted(Exception):
    """Raised by a signal into an idle worker."""


class WorkLoop:
    """The loop of a worker process: dequeue, run, finish.

    `current`: where it writes the id of the execution that it runs, if it prefetches; its supervisor reads it.
    """

    def __init__(
        self,
        engine: Engine,
        queues: Sequence[Queue],
        name: str,
        burst: bool = False,
        max_jobs: int = 0,
        current: Any = None,
    ):
        self.engine = engine
        self.name = name
        self.burst = burst
        self.max_jobs = max_jobs
        self.done = self.failed = 0
        self._seconds = 0.0
        self._queues = list(queues)
        self._client = engine.worker_client()
        self._connection = WorkerConnection(self._client, engine.url)
        self._keys = {queue.name: tuple(queue.keys.for_worker(name)) for queue in queues}
        self._limits = {queue.name: queue.options.limits for queue in queues}
        # Prefetched jobs of one queue would delay the more urgent ones of another.
        self._prefetch = queues[0].options.prefetch if len(queues) == 1 else 1
        self._runner = Runner(engine, name, self._client, self._connection, current if self._prefetch > 1 else None)
        self._clock = self._runner.clock
        self._prefix = os.urandom(10).hex()
        self._serial = 0
        self._stopping = False
        self._quiet = False
        self._interruptible = False

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
        *words, queue, execution_id = answer
        runner, one_queue = self._runner, len(self._queues) == 1
        execution = runner.begin(queue, self._keys[queue.name], words[1:], execution_id)
        while True:
            outcome, type_name = runner.run(execution)
            ended = self._clock.now()
            self._count_run(outcome, ended - execution.started)
            go_on = not self._starts_no_more()
            following = runner.next() if go_on else None
            if following is None:
                break
            runner.end(execution, outcome, type_name, ended)
            execution = following
        dequeueing = self._dequeue_args(queue, ended, seconds=ended - execution.started)
        ending = finish_args(
            execution,
            outcome,
            queue,
            type_name,
            ended,
            dequeue_next="1" if go_on and one_queue else "",
            may_have_logged=bool(runner.logged or execution.before),
            totals=(self.done - self.failed, self.failed, f"{self._seconds:.3f}"),
        )
        try:
            if runner.held:
                runner.release()
            _owned, *reply = self._call(FINISH, queue, runner.ended + dequeueing + ending)
        except CONNECTION_ERRORS as error:
            self._recover(error, (queue, runner.ended + dequeueing + ending._replace(dequeue_next="")))
            return None
        if reply[0] == b"job":
            return [*reply, queue, self._execution]
        return reply if one_queue and reply[0] != b"none" else self._dequeue_any()

    def _call(self, script: Script, queue: Queue, args: tuple[Any, ...]) -> Any:
        return self._connection.call(script, self._keys[queue.name], args)

    def _dequeue_args(self, queue: Queue, now: float, was_idle: str = "", seconds: float = 0.0) -> DequeueArgs:
        """Build the dequeue script's arguments.

        Args:
            seconds: How long the last job ran; no more jobs are dequeued than would end within HOLD if they do as well.
        """
        self._serial += 1
        self._execution = f"{self._prefix}{self._serial:010x}00"  # the two digits number the jobs of one call
        prefetch = self._prefetch
        if prefetch > 1 and seconds * prefetch > HOLD:
            prefetch = max(int(HOLD / seconds), 1)
        return DequeueArgs(
            self.name, self._execution, clock.rq_time(now), LEASE, *self._limits[queue.name], was_idle, prefetch
        )

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
        signal.signal(signal.SIGALRM, self._runner.on_timer)
        signal.signal(signal.SIGUSR1, self._runner.on_stop)
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
