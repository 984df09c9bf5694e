"""One worker process as its supervisor manages it: start, signals, memory and exit."""

import ctypes
import logging
import mmap
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ..engine import Engine
from ..errors import JobStopped, JobTimedOut
from .loop import WorkLoop
from .runner import SIGNALS

log = logging.getLogger(__name__)

KILL_AFTER_STOP = 1.0
"""Seconds after a stop request at which the process is killed."""


_PR_SET_PDEATHSIG = 1


class ForkFailed(Exception):
    """The system cannot start another process; the message says why."""


@dataclass
class WorkerProcess:
    """One worker process: the queues it serves and the state of the process that runs at the moment, if any."""

    queues: list[str]
    wanted_name: str | None = None
    name: str = ""
    pid: int = 0
    started: float = 0.0
    stop_requested: dict[str, float] = field(default_factory=dict)
    kill_reasons: dict[str, JobStopped | JobTimedOut] = field(default_factory=dict)
    """Why the process was killed for an execution, "<job id>:<execution id>"; it may run another when it dies."""
    killed: bool = False
    """Whether the supervisor killed it. Otherwise a SIGKILL came from elsewhere, such as the kernel's OOM killer."""
    exit_code: int | None = None
    current: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 32))
    """Memory shared with the process, in which one that prefetches writes the id of the execution that it runs."""
    quiet: bool = False
    retiring: bool = False
    done: bool = False

    def send(self, number: int) -> None:
        """Send the signal to the process, if there is one."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process; what it runs is released."""
        self.killed = True
        self.send(signal.SIGKILL)

    def kill_for(self, execution: str, reason: JobStopped | JobTimedOut) -> None:
        """Kill the process for this execution, which then ends with the reason; any other one is released."""
        self.kill_reasons[execution] = reason
        self.kill()

    def request_stop(self, execution: str) -> None:
        """Send the process the signal to stop this execution, once."""
        if execution not in self.stop_requested:
            self.stop_requested[execution] = time.monotonic()
            self.send(signal.SIGUSR1)

    def runs(self, execution: str) -> bool:
        """Return whether the process runs this execution, and does not only hold it."""
        current = self.current[:].rstrip(b"\0").decode()
        return not current or execution.endswith(current)

    def set_quiet(self, quiet: bool) -> None:
        """Make the process start no further job, or start jobs again."""
        if quiet != self.quiet:
            self.quiet = quiet
            self.send(signal.SIGUSR2 if quiet else signal.SIGCONT)

    def unresponsive(self) -> list[str]:
        """Return the executions that did not stop within KILL_AFTER_STOP seconds; each is returned once."""
        now = time.monotonic()
        late = [execution for execution, since in self.stop_requested.items() if now - since > KILL_AFTER_STOP]
        for execution in late:
            del self.stop_requested[execution]
        return late if self.pid else []

    def retire(self) -> None:
        """Make the process end after its job, so that a new one replaces it."""
        self.retiring = True
        self.send(signal.SIGTERM)

    def memory(self) -> int:
        """Return the process's resident memory in bytes; 0 if it has ended."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def reap(self) -> bool:
        """Return whether the process has ended; `exit_code` is then set, negative for a signal's number."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return False
        self.pid = 0
        self.exit_code = code = os.waitstatus_to_exitcode(status)
        if code == 0:
            self.started = 0.0
        else:
            log.warning("worker %s ended with %s", self.name, f"signal {-code}" if code < 0 else f"status {code}")
        return True

    def start(self, engine: Engine, name: str, burst: bool, max_jobs: int) -> None:
        """Fork the process, which the kernel kills when its parent ends. Raises ForkFailed."""
        self.started, self.exit_code = time.monotonic(), None
        self.killed = self.retiring = False
        self.kill_reasons.clear()
        self.stop_requested.clear()
        self.current[:] = bytes(32)
        parent, pid = os.getpid(), -1
        # A signal that arrives before the child has its handlers stays pending until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            raise ForkFailed(str(error)) from error
        finally:
            if pid:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if not pid:
            _run_loop(engine, self.queues, parent, name, burst, max_jobs, self.current)
        self.name, self.pid = name, pid


def _run_loop(engine: Engine, queues: list[str], parent: int, name: str, *options: Any) -> NoReturn:
    """Run the loop in the child process, then end the process."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        random.seed()
        engine.after_fork()
        WorkLoop(engine, [engine.queue(queue) for queue in queues], name, *options).run()
        status = 0
    except BaseException:
        log.exception("worker %s ended", name)
    finally:
        logging.shutdown()
        os._exit(status)
