"""The processes of a benchmark: started with the broker's address in their environment, ended as a group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PYTHON = sys.executable
ROOT = Path(__file__).parent.parent
PATIENCE = 60.0  # seconds without any progress after which a step has failed, however long it takes in all


class Progress:
    """What a step has done so far; a step may take as long as it needs while that changes."""

    def __init__(self) -> None:
        self._done: object = None
        self._since = time.monotonic()

    def check(self, done: object) -> None:
        """Raise TimeoutError if `done` has been the same for a minute."""
        now = time.monotonic()
        if done != self._done:
            self._done, self._since = done, now
        elif now - self._since > PATIENCE:
            raise TimeoutError(f"no progress for {PATIENCE:.0f} s, at {done}")


def output_words(command: Sequence[str], url: str = "", **environment: str) -> list[str]:
    """The words that the command printed. Raises CalledProcessError, or TimeoutError if it uses no processor time."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**_environment(url), **environment},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    progress = Progress()
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                output, _ = process.communicate(timeout=1)
                break
            progress.check(processor_seconds(process.pid))
    finally:
        _end(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output.split()


def output_numbers(command: Sequence[str], url: str, **environment: str) -> list[float]:
    """The numbers that the command printed."""
    return [float(word) for word in output_words(command, url, **environment)]


@contextmanager
def running(command: Sequence[str], url: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process group that ends with the block; `{url}` in it stands for the broker's address."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [part.format(url=url) for part in command],
            cwd=ROOT,
            env={**_environment(url), **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        except Exception as error:
            said.seek(0)
            error.add_note(f"{command[0]} said: {said.read()[-2000:].decode(errors='replace')}")
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # itself when it did not listen, and children that outlived it
    process.wait()


def family(pid: int) -> list[int]:
    """The process and all that descend from it, at this moment."""
    pids = [pid]
    with suppress(OSError):  # one that has just ended has no children
        for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in tasks.read_text().split():
                pids += family(int(child))
    return pids


def processor_seconds(pid: int) -> float:
    """The processor time of the process and its family, of children that have ended too."""
    ticks = 0
    for member in family(pid):
        with suppress(FileNotFoundError):
            # After the name, which may hold spaces: utime, stime, and those of children that have ended.
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "BENCH_BROKER_URL": url, "PYTHONPATH": str(ROOT)}
