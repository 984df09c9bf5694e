"""The processes of the Procfile side by side: output prefixed with their names, ended together.

Programs of the virtual environment run in forks of this process, which has imported the application already: a fork
starts immediately and shares the memory of what was imported.
"""

import multiprocessing
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, NoReturn

import honcho.manager
from honcho.environ import parse_procfile
from honcho.process import Popen, Process
from setproctitle import getproctitle, setproctitle

from gnb.broker import end_with_parent

getproctitle()  # finds where the title is kept, which it cannot once the environment has changed


def can_run(command: str) -> bool:
    """Return whether the command is a program that can run here without a shell."""
    words = shlex.split(command)
    return bool(words) and words[0] in _PROGRAMS and not set(command) & set("|&;<>()$`\\\"'*?[#~=%\n")


class WarmProcess:
    """The command in a fork of this process, with the attributes of `subprocess.Popen` that honcho uses."""

    def __init__(self, command: str, *, env: dict[str, str], cwd: str) -> None:
        reading, writing = os.pipe()
        self.returncode: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(shlex.split(command), env, cwd, writing)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb")

    def wait(self) -> int:
        """Wait for the process to end and return the exit status, negative for a signal."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _become(words: list[str], env: dict[str, str], cwd: str, output: int) -> NoReturn:
    status = 1
    try:
        _stand_alone(output)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        sys.argv = [str(Path(sys.prefix) / "bin" / words[0]), *words[1:]]
        setproctitle(" ".join(words))
        _PROGRAMS[words[0]]()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the last stop before the process ends; nobody else would say why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _stand_alone(output: int) -> None:
    """Give the process its own session, signals and output, and let it end with its parent."""
    os.setsid()
    end_with_parent()
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _flask() -> None:
    from flask.cli import main

    main()


def _gunicorn() -> None:
    from gunicorn.app.wsgiapp import run

    # Makes an application of its own: this one's request metrics do not know yet that several processes share them.
    sys.modules.pop("wsgi", None)
    run()


def _rq() -> None:
    from rq.cli import main

    main()


_PROGRAMS: dict[str, Callable[[], None]] = {"flask": _flask, "gunicorn": _gunicorn, "rq": _rq}


_LAST_SECONDS = 3.0  # for what is still there when its process has ended


class Supervisor:
    """Runs the lines of a Procfile until one of them fails or this process is told to stop."""

    def __init__(self, folder: Path, grace: float, when_started: Callable[[], None]) -> None:
        # Workers may take their grace to finish a job; honcho's own five seconds would cut it short.
        honcho.manager.KILL_WAIT = grace + 5
        self._manager = _Manager(when_started)
        self._folder = folder

    def add(self, name: str, command: str) -> None:
        self._manager.add_process(name, command, cwd=str(self._folder))

    def run(self) -> int:
        """Run until every process has ended; return 130 after Ctrl-C, else the status of the first to fail."""
        multiprocessing.set_start_method("fork", force=True)
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        try:
            self._manager.loop()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._end_groups()
        return self._manager.returncode or 0

    def _end_groups(self) -> None:
        """Kill what a process has left in its process group."""
        groups = [entry["pid"] for entry in self._manager._processes.values() if entry.get("pid")]
        for number in (signal.SIGTERM, signal.SIGKILL):
            groups = [group for group in groups if _signal_group(group, number)]
            deadline = time.monotonic() + _LAST_SECONDS
            while groups and time.monotonic() < deadline:
                time.sleep(0.05)
                groups = [group for group in groups if _signal_group(group, 0)]


class _Manager(honcho.manager.Manager):
    """Honcho's manager with a callback after forking: no thread may exist before."""

    def __init__(self, when_started: Callable[[], None]) -> None:
        super().__init__()
        self._process_ctor = _Process
        self._when_started = when_started

    def _any_stopped(self) -> bool:
        """Start a process again that ended with 0, as a worker does that was told to shut down."""
        for name, entry in self._processes.items():
            if entry.get("returncode") == 0 and not self._terminating:
                self.returncode = None
                del entry["returncode"]
                entry["process"] = multiprocessing.Process(name=name, target=entry["obj"].run, args=(self.events, True))
                entry["process"].start()
        return bool(super()._any_stopped())

    def _start(self) -> None:
        super()._start()
        threading.Thread(target=self._when_started, daemon=True).start()


class _Process(Process):
    """A process of the Procfile that ends even if its supervisor is killed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = WarmProcess if can_run(self.cmd) else _popen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        end_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)


def _popen(command: str, **options: Any) -> Popen:
    return Popen(command, preexec_fn=end_with_parent, stdin=DEVNULL, **options)


def _signal_group(group: int, number: int) -> bool:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def procfile(path: Path) -> dict[str, str]:
    """Return the Procfile's commands by name."""
    return dict(parse_procfile(path.read_text(encoding="utf-8")).processes)


def say(text: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
