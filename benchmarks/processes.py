"""The processes of a benchmark: started with the broker's address in their environment, ended as a group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PYTHON = sys.executable
ROOT = Path(__file__).parent.parent
PATIENCE = 60.0  # seconds for any one step of a round; the slowest needs three


def output_words(command: Sequence[str], url: str = "", **environment: str) -> list[str]:
    """The words that the command printed. Raises CalledProcessError or TimeoutExpired."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**_environment(url), **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.split()


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


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "BENCH_BROKER_URL": url, "PYTHONPATH": str(ROOT)}
