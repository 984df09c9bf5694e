"""The supervisor: the parent of warm worker processes, which keeps them alive, in time and within their memory.

It renews the leases of what they run, kills a job that is deaf to its timeout or to a stop, replaces a process that
ended or grew too large, takes back the job of one that died, and does the maintenance of the queues.
"""

import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from .. import clock
from .. import keys as names
from ..connection import CONNECTION_ERRORS
from ..engine import Engine
from ..errors import JobStopped, JobTimedOut, QueueUnavailable
from ..eviction import warn_of_eviction
from ..execution import Execution, Outcome, lost, raised, released
from ..maintenance import Sweeper, end_executions, forget_dead, forget_expired, promote, sample_depths
from ..scripts import HEARTBEAT, run
from .commands import Commands, execution_to_stop
from .loop import LEASE, start_process
from .process import WorkerProcess
from .registry import claim_name, register, unregister

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 3.0
WORKER_TTL = 60
_KILL_AFTER_TIMEOUT = 3.0
_RESTART_PAUSE = 1.0


class Supervisor:
    """Runs a worker process until told to stop.

    `grace` is how long a job may go on after SIGTERM before it is handed back. A process is replaced after
    `jobs_per_process` jobs (not in a burst) or past `max_memory` bytes of resident memory; after `max_jobs` it is not.
    """

    def __init__(
        self,
        engine: Engine,
        processes: Sequence[WorkerProcess],
        grace: float = 25.0,
        burst: bool = False,
        max_jobs: int | None = None,
        max_memory: int = 512 * 1024 * 1024,
        jobs_per_process: int = 50_000,
    ):
        self.engine = engine
        self.processes = list(processes)
        self.grace = grace
        self.burst = burst
        self.max_jobs = max_jobs
        self.max_memory = max_memory
        self._jobs_per_process = max_jobs or (0 if burst else jobs_per_process)
        self._client = engine.worker_client()
        self._sweeper = Sweeper(engine, self._client)
        self._stopping_since: float | None = None
        self._kill_now = False
        self._signals: list[int] = []
        self._commands = Commands(self._client)
        self._completed = 0

    def run(self) -> int:
        """How many jobs were completed; returns when all processes have ended, after a signal or a burst."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        previous = self._catch_signals(writer)
        try:
            warn_of_eviction(self.engine.url)
            gc.collect()
            gc.freeze()
            timers = self._timers()
            while not self._over():
                self._attempt(self._start_missing)
                self._wait(reader)
                self._reap()
                self._obey_signals()
                for timer in timers:
                    self._attempt(timer.run_if_due)
                self._enforce()
        finally:
            self._restore_signals(previous)
            os.close(reader)
            os.close(writer)
        return self._completed

    def _timers(self) -> "list[Timer]":
        return [
            Timer(0.5, lambda: promote(self.engine, self._client)),
            Timer(HEARTBEAT_INTERVAL, self._beat),
            Timer(3.0, self._sweeper.sweep),
            Timer(20.0, lambda: sample_depths(self.engine, self._client)),
            Timer(60.0, lambda: forget_expired(self.engine, self._client)),
            Timer(60.0, lambda: forget_dead(self.engine, self._client)),
        ]

    def _attempt(self, step: Callable[..., Any], *args: Any) -> None:
        try:
            step(*args)
        except (*CONNECTION_ERRORS, QueueUnavailable) as error:
            log.debug("the broker is away: %s", error)
            self._commands.reset()
        except RedisError as error:  # its memory or its disk is full, or it lacks its replicas
            log.warning("the broker refuses: %s", error)
        except Exception:
            log.exception("a step of the supervisor failed; it goes on with the others")

    # Processes

    def _start_missing(self) -> None:
        if self._stopping_since is not None:
            return
        now = time.monotonic()
        for process in self.processes:
            if not process.pid and not process.done and now - process.started >= _RESTART_PAUSE:
                self._start(process)

    def _start(self, process: WorkerProcess) -> None:
        process.name = claim_name(self._client, process.wanted_name, process.queues, process.name)
        process.started, process.kill_reason, process.retiring = time.monotonic(), None, False
        process.stop_requested.clear()
        process.pid = start_process(self.engine, process.queues, process.name, self.burst, self._jobs_per_process)
        if process.quiet:  # the place was told so, and the process before it
            process.send(signal.SIGUSR2)
        self._register(process)
        self._listen()
        log.info("worker %s started as process %d", process.name, process.pid)

    def _register(self, process: WorkerProcess) -> None:
        register(self._client, self.engine, process.name, process.queues, process.pid, WORKER_TTL, quiet=process.quiet)

    def _reap(self) -> None:
        for process in self._working():
            if (code := process.reaped()) is not None:
                process.done = code == 0 and not process.retiring and (self.burst or self.max_jobs is not None)
                self._attempt(self._end_process, process)

    def _end_process(self, process: WorkerProcess) -> None:
        """Ends what the dead process ran, and takes its name off the list of workers."""
        self._completed += int(self._client.hget(names.worker(process.name), "successful_job_count") or 0)
        end_executions(
            self.engine,
            self._client,
            process.name,
            lambda execution, stalls: self._outcome_of_lost_run(process, execution, stalls),
        )
        unregister(self._client, self.engine, process.name, process.queues)
        self._listen()

    def _outcome_of_lost_run(self, process: WorkerProcess, execution: Execution, stalls: int) -> Outcome:
        if process.kill_reason is not None:
            return raised(execution, process.kill_reason)
        if self._stopping_since is not None or process.retiring:
            return released(execution)
        return lost(execution, stalls, f"worker {process.name} died")

    def _working(self) -> list[WorkerProcess]:
        return [process for process in self.processes if process.pid]

    def _over(self) -> bool:
        if self._working():
            return False
        return self._stopping_since is not None or all(process.done for process in self.processes)

    # Leases, timeouts, stops, memory

    def _beat(self) -> None:
        self._listen()
        for process in self._working():
            self._beat_one(process)

    def _beat_one(self, process: WorkerProcess) -> None:
        memory = process.memory()
        name = process.name
        keys = [names.worker(name), names.worker_executions(name), names.rq_worker_executions(name)]
        known, quiet, *words = run(self._client, HEARTBEAT, keys, [clock.rq_time(), LEASE, WORKER_TTL, memory])
        if known:
            process.set_quiet(bool(quiet))
        else:
            self._register(process)
        seconds, _ = self._client.time()
        for member, started, timeout, stop in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True):
            limit = float(timeout)
            if limit > 0 and seconds - float(started) > limit + _KILL_AFTER_TIMEOUT:
                process.kill(JobTimedOut(f"the job ran longer than its timeout of {limit:g} seconds and was killed"))
            if stop == member:
                process.request_stop(member.decode())
        if memory > self.max_memory and not process.retiring:
            log.info("worker %s uses %d MB and is replaced", process.name, memory >> 20)
            process.retire()

    def _enforce(self) -> None:
        """Kills what was told to stop and did not, and all that outlives the grace of a shutdown."""
        for process in self.processes:
            for execution in process.unresponsive():
                self._attempt(self._kill_if_running, process, execution)
        since = self._stopping_since
        if since is not None and (self._kill_now or time.monotonic() - since > self.grace):
            for process in self.processes:
                process.kill()

    def _kill_if_running(self, process: WorkerProcess, execution: str) -> None:
        if self._client.sismember(names.worker_executions(process.name), execution):
            process.kill(JobStopped("the job did not listen when it was stopped, and was killed"))

    # Signals and commands

    def _listen(self) -> None:
        self._commands.listen(process.name for process in self._working())

    def _wait(self, reader: int) -> None:
        """Sleeps until a signal, a command, or half a second."""
        commands = self._commands.socket()
        sockets = [reader] if commands is None else [reader, commands]
        ready, _, _ = select.select(sockets, [], [], 0.25 if self._waiting_for_something() else 0.5)
        if reader in ready:
            self._signals += os.read(reader, 1024)
        if commands in ready:
            self._attempt(self._handle_commands)

    def _waiting_for_something(self) -> bool:
        return self._stopping_since is not None or any(process.stop_requested for process in self.processes)

    def _handle_commands(self) -> None:
        processes = {process.name: process for process in self._working()}
        for worker, message in self._commands.messages():
            if message["command"] == "shutdown":
                self._signals.append(signal.SIGTERM)
            elif worker not in processes:
                continue
            elif message["command"] in ("quiet", "resume"):
                processes[worker].set_quiet(message["command"] == "quiet")
            else:
                self._attempt(self._request_stop, processes[worker], message)

    def _request_stop(self, process: WorkerProcess, message: dict[str, Any]) -> None:
        if execution := execution_to_stop(self._client, process.name, message):
            process.request_stop(execution)

    def _obey_signals(self) -> None:
        asked = [number for number in self._signals if number in (signal.SIGTERM, signal.SIGINT)]
        self._signals.clear()
        for number in asked:
            if self._stopping_since is None:
                log.info("stopping; running jobs have %g seconds", self.grace)
                self._stopping_since = time.monotonic()
                for process in self.processes:
                    process.send(signal.SIGTERM)
            elif number == signal.SIGINT and time.monotonic() - self._stopping_since > 0.5:
                self._kill_now = True

    def _catch_signals(self, writer: int) -> dict[int, Any]:
        caught = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        previous: dict[int, Any] = {number: signal.signal(number, lambda *_: None) for number in caught}
        previous[-1] = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        return previous

    def _restore_signals(self, previous: dict[int, Any]) -> None:
        signal.set_wakeup_fd(previous.pop(-1))
        for number, handler in previous.items():
            signal.signal(number, handler)


class Timer:
    """Something to do every so many seconds."""

    def __init__(self, every: float, action: Callable[[], Any]):
        self._every = every
        self._action = action
        self._due = 0.0

    def run_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            self._action()
