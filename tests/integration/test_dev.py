"""bin/dev: from a folder with nothing in it to a running application, and back to nothing running."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from gnb.config import ROOT
from tests.servers import free_port

pytestmark = pytest.mark.timeout(300)

_TOP_NOT_SOURCES = {".git", ".venv", "instance", "site", "node_modules", ".hypothesis"}


def _not_sources(folder: str, names: list[str]) -> set[str]:
    """What a fresh clone would not have."""
    own = _TOP_NOT_SOURCES if Path(folder) == ROOT else {".venv", "results", "node_modules"}
    return {name for name in names if name in own or name == "__pycache__" or name.endswith("_cache")}


class House:
    """A copy of the project with an `instance/` of its own, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> dict[str, str]:
        """What it prints when it is ready: `E-mail` and `Password`."""
        self._process = self.popen(*arguments, port=self.port)
        assert self._process.stdout
        printed: dict[str, str] = {}
        self.output = ""
        for line in self._process.stdout:
            self.output += line
            if match := re.fullmatch(r"(E-mail|Password): (\S+)\n", line):
                printed[match[1]] = match[2]
            if len(printed) == 2:
                return printed
        raise AssertionError(f"bin/dev ended before it was ready:\n{self.output}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Its exit status after the signal, which a terminal would send for Ctrl-C."""
        assert self._process
        self._process.send_signal(number)
        rest, _ = self._process.communicate(timeout=60)
        self.output += rest
        return self._process.returncode

    def popen(self, *arguments: str, port: int) -> "subprocess.Popen[str]":
        variables = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PORT": str(port)}
        command = [str(self.folder / "bin" / "dev"), *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=variables, stdin=subprocess.DEVNULL, stdout=-1, stderr=-2, text=True
        )

    def refusal(self, port: int) -> list[str]:
        """The lines of a start that is refused."""
        process = self.popen(port=port)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        return output.splitlines()

    def flask(self, *arguments: str) -> str:
        """What a `flask` command in another terminal prints."""
        command = [str(self.folder / ".venv/bin/python"), "-m", "flask", *arguments]
        variables = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def processes(self) -> list[str]:
        """The processes that run in this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "cwd").resolve().is_relative_to(self.folder):
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:  # ended meanwhile
                continue
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "gnb"
    shutil.copytree(ROOT, folder, ignore=_not_sources)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    house = House(folder)
    yield house
    if house._process and house._process.poll() is None:
        house.stop(signal.SIGTERM)


def sign_in(house: House, printed: dict[str, str]) -> dict[str, str]:
    body = {"email": printed["E-mail"], "password": printed["Password"]}
    answer = requests.post(f"{house.address}/api/v1/auth/login", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['data']['accessToken']}"}


def get(house: House, path: str, headers: dict[str, str]) -> Any:
    answer = requests.get(house.address + path, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def workers_of(house: House, headers: dict[str, str], queue: str) -> list[dict[str, Any]]:
    return [worker for worker in get(house, "/api/v1/admin/workers", headers) if queue in worker["queues"]]


def test_a_day_with_bin_dev(house: House) -> None:
    # The first start brings demo data, an admin who can sign in, and all four queues with workers.
    printed = house.start()
    headers = sign_in(house, printed)
    assert get(house, "/readyz", {}) == {"database": "up", "broker": "up"}
    until(lambda: all(queue["workers"] for queue in get(house, "/api/v1/admin/jobs/stats", headers)))

    # A second one in the same folder, or on the same port, is refused in a line.
    assert len(house.refusal(free_port())) == 1

    # Commands in another terminal reach the same broker, without a variable set.
    house.flask("jobs", "pause", "export")
    house.flask("jobs", "enqueue", "export", "bookings-csv", "--job-id", "before-the-night")

    # A worker that is shut down comes back, and nothing else ends with it.
    before = workers_of(house, headers, "export")
    house.flask("jobs", "shut-down", before[0]["name"])
    until(lambda: (now := workers_of(house, headers, "export")) and now[0]["supervisor"] != before[0]["supervisor"])
    assert get(house, "/readyz", {}) == {"database": "up", "broker": "up"}

    # Ctrl-C leaves nothing running.
    assert house.stop() == 130
    assert house.processes() == []
    assert "Traceback" not in house.output

    # The next start is quick, takes the same password, and finds the job that waited.
    began = time.monotonic()
    assert house.start() == printed
    took = time.monotonic() - began
    assert took < 30  # 10 s with the machine to itself; here other tests run beside it
    headers = sign_in(house, printed)
    job = get(house, "/api/v1/admin/jobs/export/before-the-night", headers)
    assert job["state"] == "waiting"
    house.flask("jobs", "resume", "export")
    until(lambda: get(house, "/api/v1/admin/jobs/export/before-the-night", headers)["state"] == "completed")
    assert get(house, "/api/v1/admin/jobs/export/before-the-night", headers)["returnvalue"]["rows"] == 3000

    # Killed outright it takes everything with it.
    assert house.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: house.processes() == [])


def test_a_port_that_is_taken_is_said_in_one_line(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = house.refusal(port)
    assert lines == [f"bin/dev: port {port} is taken; choose another: PORT={port + 1} bin/dev"]


def test_a_wrong_setting_is_said_in_one_line(house: House) -> None:
    (house.folder / ".env").write_text("EXPORT_RATE_LIMIT=often\n")
    try:
        lines = house.refusal(free_port())
    finally:
        (house.folder / ".env").unlink()
    assert lines == ["bin/dev: EXPORT_RATE_LIMIT must be starts/seconds, or none, for example EXPORT_RATE_LIMIT=10/60s"]


def until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
