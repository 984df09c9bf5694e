"""A release as it is installed: its own copy of the code, gunicorn and workers from there; and its visitors."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnb.broker import end_with_parent
from tests.integration.engine.conftest import wait_for

ROOT = Path(__file__).parents[2]
_PARTS = ("gnb", "templates", "static", "translations", "migrations")
_FILES = ("wsgi.py", "gunicorn.conf.py")


class Release:
    """A copy of the code in a folder, and the processes that run from it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.variables = variables
        self.processes: list[subprocess.Popen[bytes]] = []
        without_caches = shutil.ignore_patterns("__pycache__")
        for part in _PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=without_caches)
        for name in _FILES:
            shutil.copy(ROOT / name, folder / name)

    def web(self, port: int, listener: socket.socket | None = None) -> "subprocess.Popen[bytes]":
        """A web server on that port, once it says that it is ready, maybe on a socket open already, as systemd's is."""
        if listener is None:
            process = self._start("gunicorn", "wsgi:app", PORT=str(port))
        else:
            process = self._start("gunicorn", "wsgi:app", listener=listener)
        wait_for(lambda: _status(port, "/readyz") == 200, 60)
        return process

    def workers(self, queue: str, concurrency: int) -> "subprocess.Popen[bytes]":
        """A supervisor with so many workers on the queue."""
        words = ("flask", "--app", "wsgi:app", "jobs", "worker", queue, "--concurrency", str(concurrency))
        return self._start(*words)

    def scheduler(self) -> "subprocess.Popen[bytes]":
        return self._start("flask", "--app", "wsgi:app", "jobs", "scheduler")

    def stop(self) -> None:
        """Ends whatever still runs."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(
        self, module: str, *arguments: str, listener: socket.socket | None = None, **more: str
    ) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self.variables, **more}
        environment.pop("PYTHONPATH", None)
        command, passed = [sys.executable, "-m", module, *arguments], ()
        if listener is not None:
            passed = (listener.fileno(),)
            handing_over = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
            command = ["bash", "-c", handing_over, "bash", *command]
        process = subprocess.Popen(
            command, env=environment, cwd=self.folder, preexec_fn=end_with_parent, pass_fds=passed
        )
        self.processes.append(process)
        return process


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@dataclass
class Answer:
    """What a visitor was told: the HTTP status (0: nothing), when, after how long, and the job's id if one was made."""

    number: int
    status: int
    at: float
    seconds: float
    job_id: str = ""
    retry_after: str = ""


@dataclass
class Visitors:
    """Threads that enqueue by HTTP, one request after the other, each on a connection of its own, as a proxy would.

    `job` gives the body of the request of that number; `port` may be changed while they are at it.
    """

    port: int
    path: str
    token: str
    job: Callable[[int], dict[str, Any]]
    pause: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, threads: int = 4) -> "Visitors":
        for _ in range(threads):
            thread = threading.Thread(target=self._visit, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def accepted(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.job_id]

    def wait_for(self, accepted: int, seconds: float = 60) -> None:
        """Returns when so many more jobs have been accepted than now."""
        wanted = len(self.accepted) + accepted
        wait_for(lambda: len(self.accepted) >= wanted, seconds)

    def _visit(self) -> None:
        while not self._stop.wait(self.pause):
            with self._lock:
                self._number += 1
                number = self._number
            self.answers.append(self._ask(number))

    def _ask(self, number: int) -> Answer:
        begun = time.time()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", self.path, json.dumps(self.job(number)), headers)
            response = connection.getresponse()
            body = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(number, 0, begun, time.time() - begun)
        finally:
            connection.close()
        made = (body.get("data") or {}).get("id", "") if response.status == 201 else ""
        retry_after = response.headers.get("Retry-After", "")
        return Answer(number, response.status, begun, time.time() - begun, made, retry_after)
