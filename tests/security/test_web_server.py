"""What the web server of the Procfile does with hostile requests, sent to a real gunicorn."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gnb.broker import end_with_parent
from gnb.config import ROOT, Settings
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port, on_sqlite

pytestmark = on_sqlite


@pytest.fixture
def server(settings: Settings) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """A gunicorn that serves the application as in production, and its port."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "SECRET_KEY": "k" * 32, "PORT": str(port), "WEB_CONCURRENCY": "1"}
    env |= {"APP_ENV": "testing", "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent
    )
    try:
        wait_for(lambda: ask(port, "/healthz") is not None, 60)
        yield port, process
    finally:
        process.terminate()
        process.wait(40)


@pytest.fixture
def port(server: tuple[int, "subprocess.Popen[bytes]"]) -> int:
    return server[0]


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


SLOW = {
    "head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
    "half a liveness check": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "body": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nemail=",
    "answered, and left open": b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
}


def test_a_hundred_slow_connections_leave_the_liveness_check_answered_within_a_second(port: int) -> None:
    for kind, sent in SLOW.items():
        with ExitStack() as connections:
            for _ in range(100):
                slow = connections.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                slow.sendall(sent)
            with pytest.raises(TimeoutError):  # they hold every thread
                ask_within(port, "/login", 0.5)
            for _ in range(20):
                started = time.monotonic()
                assert ask_within(port, "/healthz", 5) == b"HTTP/1.1 200 OK", kind
                assert time.monotonic() - started < 1, kind
                time.sleep(0.05)


def ask_within(port: int, path: str, seconds: float) -> bytes:
    """Return the first line of the answer to a GET. Raises TimeoutError."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode())
        return connection.recv(4096).partition(b"\r\n")[0]


def test_the_liveness_check_of_the_server_is_that_of_the_application(port: int) -> None:
    answered, asked = ask(port, "/healthz"), ask(port, "/healthz?by=application")
    assert answered and asked
    assert (answered.status, answered.read()) == (asked.status, asked.read())
    own = {"X-Request-ID", "Connection", "Date", "Server"}  # of one request, or written by gunicorn
    assert {k: v for k, v in answered.getheaders() if k not in own} == {
        k: v for k, v in asked.getheaders() if k not in own
    }


def test_a_connection_that_was_accepted_before_a_shutdown_is_still_answered(
    server: tuple[int, "subprocess.Popen[bytes]"],
) -> None:
    port, process = server
    for _ in range(20):  # each is closed by its thread
        assert ask(port, "/nowhere", Connection="close")
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        assert ask(port, "/nowhere", Connection="close")  # accepted after it
        process.terminate()
        time.sleep(0.5)  # nothing tells when the signal has arrived; a connection without data is closed after 5 s
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
