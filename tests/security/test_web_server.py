"""What the web server of the Procfile does with hostile requests, sent to a real gunicorn."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gnb.broker import end_with_parent
from gnb.config import ROOT, Settings
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port, on_sqlite

pytestmark = on_sqlite


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """The port of a gunicorn that serves the application as in production."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "SECRET_KEY": "k" * 32, "PORT": str(port), "WEB_CONCURRENCY": "1"}
    env |= {"APP_ENV": "testing", "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent
    )
    try:
        wait_for(lambda: ask(port, "/healthz") is not None, 60)
        yield port
    finally:
        process.terminate()
        process.wait(40)


def ask(port: int, path: str, **headers: str) -> http.client.HTTPResponse | None:
    """Return the answer to a GET with these headers (underscores stay), None while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse()
    except OSError:
        return None


def test_no_header_moves_the_application_to_another_path(port: int) -> None:
    plain = ask(port, "/admin/jobs")
    assert plain
    assert plain.status == 303
    for header in ("SCRIPT_NAME", "Script-Name", "PATH_INFO"):
        answer = ask(port, "/admin/jobs", **{header: "//evil.example"})
        assert answer
        assert (answer.status, answer.headers["Location"]) == (303, plain.headers["Location"])
        assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("chunks", [b"zz\r\nx", b"5\r\nab", b"2\r\nabcdef\r\n", b"-1\r\n", b"\r\n"], ids=repr)
def test_a_broken_chunked_body_is_answered_with_400(port: int, chunks: bytes) -> None:
    for path, kind in (
        (b"/login", b"application/x-www-form-urlencoded"),
        (b"/api/v1/auth/login", b"application/json"),
    ):
        head = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(head % (path, kind) + chunks)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 "), path
