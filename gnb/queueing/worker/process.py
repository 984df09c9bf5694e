"""A supervisor's place for one worker process, and what it can do to the process."""

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import JobStopped, JobTimedOut

log = logging.getLogger(__name__)

KILL_AFTER_STOP = 1.0
"""Seconds that a job told to stop has for it."""


@dataclass
class WorkerProcess:
    """A place for one worker process: the queues it serves, and what is known of the process in it."""

    queues: list[str]
    wanted_name: str | None = None
    name: str = ""
    pid: int = 0
    started: float = 0.0
    stop_requested: dict[str, float] = field(default_factory=dict)
    kill_reason: JobStopped | JobTimedOut | None = None
    """Why the process was killed, when a job's end was wanted and not the process's."""
    quiet: bool = False
    retiring: bool = False
    done: bool = False

    def send(self, number: int) -> None:
        """Sends the signal to the process, if there is one."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self, kill_reason: JobStopped | JobTimedOut | None = None) -> None:
        """Ends the process at once; its job then ends with the kill_reason."""
        self.kill_reason = kill_reason or self.kill_reason
        self.send(signal.SIGKILL)

    def request_stop(self, execution: str) -> None:
        """Tells the process once that its job's end is wanted."""
        if execution not in self.stop_requested:
            self.stop_requested[execution] = time.monotonic()
            self.send(signal.SIGUSR1)

    def set_quiet(self, quiet: bool) -> None:
        """Has the process start no further job, or start jobs again."""
        if quiet != self.quiet:
            self.quiet = quiet
            self.send(signal.SIGUSR2 if quiet else signal.SIGCONT)

    def unresponsive(self) -> list[str]:
        """The executions that were told to stop and have had their time; each is named once."""
        now = time.monotonic()
        deaf = [execution for execution, since in self.stop_requested.items() if now - since > KILL_AFTER_STOP]
        for execution in deaf:
            del self.stop_requested[execution]
        return deaf if self.pid else []

    def retire(self) -> None:
        """Has the process end after its job, for another to take the place."""
        self.retiring = True
        self.send(signal.SIGTERM)

    def memory(self) -> int:
        """The process's resident memory in bytes; 0 when it is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def reaped(self) -> int | None:
        """The exit code of the process, negative for a signal's number, once it has ended; the place is free then."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            self.started = 0.0
        else:
            log.warning("worker %s ended with %s", self.name, f"signal {-code}" if code < 0 else f"status {code}")
        return code
