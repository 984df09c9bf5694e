"""The embedded broker keeps what it held, ends when told and with its starter, and never runs twice on one file."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import redis

from gnb.broker import BrokerError, EmbeddedBroker
from gnb.development.__main__ import announce, keep_running
from tests.servers import free_port


def test_what_it_held_is_there_again_after_a_stop(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker, redis.Redis.from_url(broker.url) as client:
        client.set("job", "1")
    with EmbeddedBroker(tmp_path) as broker, redis.Redis.from_url(broker.url) as client:
        assert client.get("job") == b"1"


def test_its_folder_and_socket_are_its_owners_alone(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "broker") as broker:
        assert oct(broker.folder.stat().st_mode)[-3:] == "700"
        assert oct(broker.socket.stat().st_mode)[-3:] == "700"


def test_it_listens_even_where_the_folders_name_is_too_long_for_a_socket(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / ("x" * 120)) as broker, redis.Redis.from_url(broker.url) as client:
        assert client.ping()
        assert broker.socket.parent != broker.folder
    assert not broker.socket.parent.exists()


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker, pytest.raises(BrokerError, match=f"kill {broker.pid}"):
        EmbeddedBroker(tmp_path).start()


def test_a_start_that_fails_says_where_to_look(tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(BrokerError, match=r"valkey\.log"):
        EmbeddedBroker(tmp_path).start()


def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from gnb.broker import EmbeddedBroker\n"
        "print(EmbeddedBroker(pathlib.Path(sys.argv[1])).start().pid, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=-1, stdout=-1, text=True)
    assert starter.stdout
    broker = int(starter.stdout.readline())
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    _wait_for_end(broker)


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":  # ended; nobody but the machine's first process is left to notice
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the broker outlived its starter")


def test_a_killed_one_is_started_again_with_what_it_held_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        redis.Redis(unix_socket_path=str(broker.socket)).set("kept", "yes")
        time.sleep(1.1)  # until the append-only file is on disk
        keep_running(broker)
        assert capsys.readouterr().out == ""
        assert broker.pid
        os.kill(broker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, broker.pid, os.WEXITED | os.WNOWAIT)
        keep_running(broker)
        assert redis.Redis(unix_socket_path=str(broker.socket)).get("kept") == b"yes"
        assert "the embedded broker had ended and was started again" in capsys.readouterr().out


def test_bin_dev_is_ready_only_once_database_and_broker_answer(capsys: pytest.CaptureFixture[str]) -> None:
    statuses = iter([503, 200])

    class Readiness(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(statuses))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    port = free_port()
    with HTTPServer(("127.0.0.1", port), Readiness) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        announce(port, "secret")
        server.shutdown()
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == f"bin/dev: not ready: database or broker does not answer, see http://127.0.0.1:{port}/readyz"
    assert lines[2] == f"Ready: http://127.0.0.1:{port}"
