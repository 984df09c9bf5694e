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

from . import clock
from . import keys as names
from .commands import Commands, execution_to_stop
from .connection import AWAY
from .engine import Engine
from .errors import JobStopped, JobTimedOut, QueueUnavailable
from .eviction import warn_of_eviction
from .execution import Outcome, Taken, handed_back, lost, raised
from .maintenance import Sweeper, forget_dead, forget_expired, promote, sample_depths
from .recovery import end_executions
from .registration import claim_name, register, unregister
from .scripts import BEAT, run
from .slot import Slot
from .warm_worker import LEASE, start_process

log = logging.getLogger(__name__)

BEAT_EVERY = 3.0
WORKER_TTL = 60
_KILL_AFTER_TIMEOUT = 3.0
_RESTART_PAUSE = 1.0


class Supervisor:
    """Runs a worker process for each slot until told to stop.

    `grace` is how long a job may go on after SIGTERM before it is handed back. A process is replaced after
    `jobs_per_process` jobs (not in a burst) or past `max_memory` bytes of resident memory; after `max_jobs` it is not.
    """

    def __init__(
        self,
        engine: Engine,
        slots: Sequence[Slot],
        grace: float = 25.0,
        burst: bool = False,
        max_jobs: int | None = None,
        max_memory: int = 512 * 1024 * 1024,
        jobs_per_process: int = 50_000,
    ):
        self.engine = engine
        self.slots = list(slots)
        self.grace = grace
        self.burst = burst
        self.max_jobs = max_jobs
        self.max_memory = max_memory
        self._jobs_per_process = max_jobs or (0 if burst else jobs_per_process)
        self._client = engine.worker_client()
        self._sweeper = Sweeper(engine, self._client)
        self._stopping_since: float | None = None
        self._hurry = False
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
                self._away_is_no_end(self._start_missing)
                self._wait(reader)
                self._reap()
                self._obey_signals()
                for timer in timers:
                    self._away_is_no_end(timer.run_if_due)
                self._enforce()
        finally:
            self._restore_signals(previous)
            os.close(reader)
            os.close(writer)
        return self._completed

    def _timers(self) -> "list[Timer]":
        return [
            Timer(0.5, lambda: promote(self.engine, self._client)),
            Timer(BEAT_EVERY, self._beat),
            Timer(3.0, self._sweeper.sweep),
            Timer(20.0, lambda: sample_depths(self.engine, self._client)),
            Timer(60.0, lambda: forget_expired(self.engine, self._client)),
            Timer(60.0, lambda: forget_dead(self.engine, self._client)),
        ]

    def _away_is_no_end(self, step: Callable[..., Any], *args: Any) -> None:
        try:
            step(*args)
        except (*AWAY, QueueUnavailable) as error:
            log.debug("the broker is away: %s", error)
            self._commands.lose()
        except RedisError as error:  # its memory or its disk is full, or it lacks its replicas
            log.warning("the broker refuses: %s", error)

    # Processes

    def _start_missing(self) -> None:
        if self._stopping_since is not None:
            return
        now = time.monotonic()
        for slot in self.slots:
            if not slot.pid and not slot.done and now - slot.started >= _RESTART_PAUSE:
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.name = claim_name(self._client, slot.wanted_name, slot.queues, slot.name)
        slot.started, slot.verdict, slot.retiring = time.monotonic(), None, False
        slot.stop_asked.clear()
        slot.pid = start_process(self.engine, slot.queues, slot.name, self.burst, self._jobs_per_process)
        register(self._client, self.engine, slot.name, slot.queues, slot.pid, WORKER_TTL)
        self._listen()
        log.info("worker %s started as process %d", slot.name, slot.pid)

    def _reap(self) -> None:
        for slot in self._working():
            if (code := slot.reaped()) is not None:
                slot.done = code == 0 and not slot.retiring and (self.burst or self.max_jobs is not None)
                self._away_is_no_end(self._clear_up, slot)

    def _clear_up(self, slot: Slot) -> None:
        """Ends what the dead process ran, and takes its name off the list of workers."""
        self._completed += int(self._client.hget(names.worker(slot.name), "successful_job_count") or 0)
        end_executions(self.engine, self._client, slot.name, lambda taken, stalls: self._verdict(slot, taken, stalls))
        unregister(self._client, self.engine, slot.name, slot.queues)
        self._listen()

    def _verdict(self, slot: Slot, taken: Taken, stalls: int) -> Outcome:
        if slot.verdict is not None:
            return raised(taken, slot.verdict)
        if self._stopping_since is not None or slot.retiring:
            return handed_back(taken)
        return lost(taken, stalls, f"worker {slot.name} died")

    def _working(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.pid]

    def _over(self) -> bool:
        if self._working():
            return False
        return self._stopping_since is not None or all(slot.done for slot in self.slots)

    # Leases, timeouts, stops, memory

    def _beat(self) -> None:
        self._listen()
        for slot in self._working():
            self._beat_one(slot)

    def _beat_one(self, slot: Slot) -> None:
        memory = slot.memory()
        keys = [names.worker(slot.name), names.worker_executions(slot.name)]
        known, *words = run(self._client, BEAT, keys, [clock.rq_time(), LEASE, WORKER_TTL, memory])
        if not known:
            register(self._client, self.engine, slot.name, slot.queues, slot.pid, WORKER_TTL)
        seconds, _ = self._client.time()
        for member, started, timeout, stop in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True):
            limit = float(timeout)
            if limit > 0 and seconds - float(started) > limit + _KILL_AFTER_TIMEOUT:
                slot.kill(JobTimedOut(f"the job ran longer than its timeout of {limit:g} seconds and was killed"))
            if stop == member:
                slot.ask_to_stop(member.decode())
        if memory > self.max_memory and not slot.retiring:
            log.info("worker %s uses %d MB and is replaced", slot.name, memory >> 20)
            slot.retire()

    def _enforce(self) -> None:
        """Kills what was told to stop and did not, and all that outlives the grace of a shutdown."""
        for slot in self.slots:
            for execution in slot.deaf_to_stop():
                self._away_is_no_end(self._kill_if_running, slot, execution)
        since = self._stopping_since
        if since is not None and (self._hurry or time.monotonic() - since > self.grace):
            for slot in self.slots:
                slot.kill()

    def _kill_if_running(self, slot: Slot, execution: str) -> None:
        if self._client.sismember(names.worker_executions(slot.name), execution):
            slot.kill(JobStopped("the job did not listen when it was stopped, and was killed"))

    # Signals and commands

    def _listen(self) -> None:
        self._commands.listen(slot.name for slot in self._working())

    def _wait(self, reader: int) -> None:
        """Sleeps until a signal, a command, or half a second."""
        commands = self._commands.socket()
        sockets = [reader] if commands is None else [reader, commands]
        ready, _, _ = select.select(sockets, [], [], 0.25 if self._waiting_for_something() else 0.5)
        if reader in ready:
            self._signals += os.read(reader, 1024)
        if commands in ready:
            self._away_is_no_end(self._hear)

    def _waiting_for_something(self) -> bool:
        return self._stopping_since is not None or any(slot.stop_asked for slot in self.slots)

    def _hear(self) -> None:
        slots = {slot.name: slot for slot in self._working()}
        for worker, told in self._commands.heard():
            if told["command"] == "shutdown":
                self._signals.append(signal.SIGTERM)
            elif worker in slots and (execution := execution_to_stop(self._client, worker, told)):
                slots[worker].ask_to_stop(execution)

    def _obey_signals(self) -> None:
        asked = [number for number in self._signals if number in (signal.SIGTERM, signal.SIGINT)]
        self._signals.clear()
        for number in asked:
            if self._stopping_since is None:
                log.info("stopping; running jobs have %g seconds", self.grace)
                self._stopping_since = time.monotonic()
                for slot in self.slots:
                    slot.send(signal.SIGTERM)
            elif number == signal.SIGINT and time.monotonic() - self._stopping_since > 0.5:
                self._hurry = True

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
