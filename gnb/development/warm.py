"""Programs of the virtual environment run in forks of a process that has imported the application already.

Six processes that each import it take six times as long to start as one does. A fork starts at once, and shares the
memory of what was imported.
"""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from setproctitle import getproctitle, setproctitle

from gnb.processes import end_with_parent

getproctitle()  # finds where the title is kept, which it cannot once the environment has changed


def can_run(command: str) -> bool:
    """Whether the command is a program that runs here without a shell."""
    words = shlex.split(command)
    return bool(words) and words[0] in _PROGRAMS and not set(command) & set("|&;<>()$`\\\"'*?[#~=%\n")


class WarmProcess:
    """The command in a fork of this process, with the few attributes of `subprocess.Popen` that honcho uses."""

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
        """The exit status, negative for a signal, once the process has ended."""
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
    """A session, signals and output of its own, and an end with its parent's."""
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
