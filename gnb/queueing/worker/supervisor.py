"""The parent of the worker processes: renews their leases, kills a process whose job ignores its timeout or a stop
request, replaces one that ended or uses too much memory, and runs the queues' maintenance."""

import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from redis.exceptions import RedisError
from rq.worker_registration import REDIS_WORKER_KEYS

from .. import clock
from .. import keys as names
from ..connection import CONNECTION_ERRORS, connect
from ..engine import Engine
from ..errors import JobStopped, JobTimedOut, QueueUnavailable, UnsupportedBroker
from ..execution import Execution, Outcome, lost, raised, released
from ..maintenance import Timer, end_executions, timers
from ..messages import make_message
from ..outage import SAFE_EVICTION_POLICY, OutageLog, check_server
from ..scripts import HEARTBEAT, run
from .commands import Commands, execution_to_stop
from .loop import LEASE
from .process import ForkFailed, WorkerProcess
from .registry import claim_name, register, unregister

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 3.0
WORKER_TTL = 60
_KILL_AFTER_TIMEOUT = 3.0
_RESTART_PAUSE = 1.0
_PAUSE_AFTER_FAILED_FORK = 10.0


class Supervisor:
    """Runs worker processes until it is stopped.

    Args:
        grace: Seconds for which a job may run on after SIGTERM before it is released.
        burst: End when no job waits.
        max_jobs: Jobs after which a process ends and is not replaced.
        max_memory: Bytes of resident memory above which a process is replaced after its job.
        jobs_per_process: Jobs after which a process is replaced; without effect in a burst.
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
        self._outage = OutageLog(engine.url)
        self._stopping_since: float | None = None
        self._kill_now = False
        self._signals: list[int] = []
        self._commands = Commands(self._client)
        self._completed = 0
        self._checked = False

    def run(self) -> int:
        """Run until all processes have ended after a signal or a burst, and return how many jobs were completed.

        Raises UnsupportedBroker.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        previous = self._catch_signals(writer)
        try:
            gc.collect()
            gc.freeze()
            steps = [Timer(HEARTBEAT_INTERVAL, self._heartbeat), *timers(self.engine, self._client)]
            while not self._over():
                self._attempt(self._start_missing)
                self._wait(reader)
                self._reap()
                self._obey_signals()
                for step in steps:
                    self._attempt(step.run_if_due)
                self._enforce()
        finally:
            self._restore_signals(previous)
            os.close(reader)
            os.close(writer)
        return self._completed

    def _attempt(self, step: Callable[..., Any], *args: Any) -> None:
        try:
            step(*args)
        except UnsupportedBroker:
            raise
        except (*CONNECTION_ERRORS, QueueUnavailable, RedisError) as error:
            self._outage.report(error)
            self._commands.reset()
        except Exception:
            log.exception("a step of the supervisor failed; the others continue")

    # Processes

    def _start_missing(self) -> None:
        if self._stopping_since is not None:
            return
        now = time.monotonic()
        for process in self.processes:
            if not process.pid and not process.done and now - process.started >= _RESTART_PAUSE:
                self._start(process)

    def _start(self, process: WorkerProcess) -> None:
        if not self._checked:
            check_server(self._client)
            warn_of_eviction(self.engine.url)
            self._checked = True
        name = claim_name(self._client, process.wanted_name, process.queues, process.name)
        try:
            process.start(self.engine, name, self.burst, self._jobs_per_process)
        except ForkFailed as error:
            process.started += _PAUSE_AFTER_FAILED_FORK
            unregister(self._client, self.engine, name, process.queues)
            log.error("worker %s cannot be started: %s; next attempt in %g s", name, error, _PAUSE_AFTER_FAILED_FORK)
            return
        if process.quiet:  # this process replaces one that was quieted
            process.send(signal.SIGUSR2)
        self._register(process)
        self._outage.end()
        self._listen()
        log.info("worker %s started as process %d", name, process.pid)

    def _register(self, process: WorkerProcess) -> None:
        register(self._client, self.engine, process.name, process.queues, process.pid, WORKER_TTL, quiet=process.quiet)

    def _reap(self) -> None:
        for process in self._working():
            if process.reap():
                finished = self.burst or self.max_jobs is not None
                process.done = finished and process.exit_code == 0 and not process.retiring
                self._attempt(self._end_process, process)

    def _end_process(self, process: WorkerProcess) -> None:
        """Finish what the ended process ran, and remove it from the lists of workers."""
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
        if reason := process.kill_reasons.get(execution.member):
            return raised(execution, reason)
        if process.exit_code == 0 or process.killed or not process.runs(execution.member):
            return released(execution)
        return lost(execution, stalls, make_message("stalled.died", worker=process.name))

    def _working(self) -> list[WorkerProcess]:
        return [process for process in self.processes if process.pid]

    def _over(self) -> bool:
        if self._working():
            return False
        return self._stopping_since is not None or all(process.done for process in self.processes)

    # Leases, timeouts, stops, memory

    def _heartbeat(self) -> None:
        for process in self._working():
            self._renew(process)
            self._outage.end()
        self._listen()

    def _renew(self, process: WorkerProcess) -> None:
        """Renew the process's registration and the leases of what it runs; enforce timeouts, stops and memory."""
        memory = process.memory()
        name = process.name
        keys = [names.worker(name), names.worker_executions(name), names.rq_worker_executions(name), REDIS_WORKER_KEYS]
        args = [clock.rq_time(), LEASE, WORKER_TTL, memory]
        registered, quiet, *fields = run(self._client, HEARTBEAT, keys, args)
        if registered:
            process.set_quiet(bool(quiet))
        else:
            self._register(process)
        seconds, _ = self._client.time()
        for member, started, timeout, stop in zip(fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True):
            limit = float(timeout)
            late = limit > 0 and seconds - float(started) > limit + _KILL_AFTER_TIMEOUT
            if late and process.runs(member.decode()):
                reason = JobTimedOut("killed", limit=f"{limit:g}")
                self._kill_if_running(process, member.decode(), reason)
            if stop == member:
                process.request_stop(member.decode())
        if memory > self.max_memory and not process.retiring:
            log.info("worker %s uses %d MB and is replaced", process.name, memory >> 20)
            process.retire()

    def _enforce(self) -> None:
        """Kill processes that ignored a stop request, and all that outlast the grace of a shutdown."""
        for process in self.processes:
            for execution in process.unresponsive():
                reason = JobStopped("killed")
                self._attempt(self._kill_if_running, process, execution, reason)
        since = self._stopping_since
        if since is not None and (self._kill_now or time.monotonic() - since > self.grace):
            for process in self.processes:
                process.kill()

    def _kill_if_running(self, process: WorkerProcess, execution: str, reason: JobStopped | JobTimedOut) -> None:
        if self._client.sismember(names.worker_executions(process.name), execution):
            process.kill_for(execution, reason)

    # Signals and commands

    def _listen(self) -> None:
        self._commands.listen(process.name for process in self._working())

    def _wait(self, reader: int) -> None:
        """Wait for a signal or a command, half a second at most."""
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


def warn_of_eviction(url: str) -> None:
    """Log one line if the broker may evict jobs, or none can run there; none while it is unreachable."""
    found = ""
    try:
        with closing(connect(url)) as client:
            check_server(client)
            found = client.info("memory").get("maxmemory_policy", "")
    except UnsupportedBroker as error:
        log.error("%s", error)
    except (*CONNECTION_ERRORS, RedisError) as error:
        log.debug("the broker's eviction policy is not known: %s", error)
    if found not in ("", SAFE_EVICTION_POLICY):
        log.warning("the broker may evict jobs: its maxmemory-policy is %s; set it to %s", found, SAFE_EVICTION_POLICY)
