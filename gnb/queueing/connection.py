"""Connections to the broker: one for callers who must not wait, one for workers who can, from the same URL.

URLs: redis://, rediss:// (TLS; `?ssl_cert_reqs=none` to skip the certificate check), unix://, and
redis+sentinel://[user:password@]host:port[,host:port…]/service[/db] for a primary that Sentinel names
(rediss+sentinel:// with TLS to the Sentinels and to the primary).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hiredis import pack_command
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

from .clock import BrokerClock, broker_seconds
from .errors import QueueUnavailable
from .outage import OutageLog, check_server, raise_connection_error
from .scripts import Script, ScriptConnections, run_raw

log = logging.getLogger(__name__)

CONNECTION_ERRORS = (ConnectionError, TimeoutError, ReadOnlyError, OSError)
"""What a call raises while the broker is unreachable or its primary changes."""

_CALLER = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}
_WORKER = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0, "socket_keepalive": True}
"""A heartbeat that was sent on a broken connection is repeated on another one before the lease of 12 s runs out."""

_SECONDS_BETWEEN_TRIES = 5.0
_SECONDS_BETWEEN_CLOCK_READS = 60.0


def connect(url: str, *, patient: bool = False) -> Any:
    """Return a client for the URL, which connects when first used.

    Args:
        patient: For a worker; otherwise the client gives up after a second.
    """
    once = Retry(NoBackoff(), 0 if patient else 1, supported_errors=(ConnectionError,))
    options: dict[str, Any] = {**(_WORKER if patient else _CALLER), "retry": once}
    scheme = urlsplit(url).scheme
    if scheme.endswith("+sentinel"):
        return _through_sentinel(url, options)
    if scheme == "unix":
        options.pop("socket_keepalive", None)
    return Redis.from_url(url, **options)


def sentinel_settings(url: str) -> dict[str, Any]:
    """Return the parts of a redis+sentinel:// URL in the form that RQ's settings module takes as SENTINEL."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    service, _, db = parts.path.strip("/").partition("/")
    found: dict[str, Any] = {
        "INSTANCES": [_address(text) for text in hosts.split(",")],
        "MASTER_NAME": service or "mymaster",
        "DB": int(db or 0),
        "USERNAME": unquote(user) or None,
        "PASSWORD": unquote(password) or None,
        "SSL": parts.scheme.startswith("rediss"),
    }
    if found["SSL"]:
        tls = {name: values[-1] for name, values in parse_qs(parts.query).items() if name.startswith("ssl_")}
        found |= {"CONNECTION_KWARGS": tls, "SENTINEL_KWARGS": {"ssl": True, **tls}}
    return found


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon else (text, 26379)


def _through_sentinel(url: str, options: dict[str, Any]) -> Any:
    found = sentinel_settings(url)
    options = options | found.get("CONNECTION_KWARGS", {}) | ({"ssl": True} if found["SSL"] else {})
    impatient = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
    sentinel = Sentinel(
        found["INSTANCES"],
        sentinel_kwargs=impatient | found.get("SENTINEL_KWARGS", {}),
        username=found["USERNAME"],
        password=found["PASSWORD"],
        **options,
    )
    kind = _SentinelSSLConnection if found["SSL"] else _SentinelConnection
    return sentinel.master_for(found["MASTER_NAME"], db=found["DB"], connection_class=kind)


class _SentinelConnection(SentinelManagedConnection):
    """A connection to the primary that closes when a reply is late.

    redis-py leaves it open, with the reply unread: the next command on it would get the reply of the last one, and a
    frozen primary would keep its clients after the failover.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        return super().read_response(*args, **{**options, "disconnect_on_error": True})


class _SentinelSSLConnection(_SentinelConnection, SentinelManagedSSLConnection):
    """The same over TLS."""


class Broker:
    """A caller's connection: errors become QueueUnavailable, and only one call in 5 s tries an unreachable broker."""

    def __init__(self, url: str):
        self.url = url
        self.client = connect(url)
        self._connections = ScriptConnections(self.client)
        self._lock = threading.Lock()
        self._try_again_at = 0.0
        self._checked = False
        self._clock = BrokerClock()
        self._read_clock_at = 0.0

    def run(self, script: Script, keys: list[str], args: list[Any]) -> Any:
        """Return the script's reply. Raises QueueUnavailable."""
        return self.run_each(script, keys, [args])[0]

    def run_each(self, script: Script, keys: list[str], calls: Sequence[list[Any]]) -> list[Any]:
        """Return the script's reply for each list of arguments; all are sent before the first reply is read.

        Raises QueueUnavailable.
        """
        return self.call(lambda: run_raw(self._connections, script, keys, calls))  # type: ignore[no-any-return]

    def now(self) -> datetime:
        """Return the broker's time, in UTC. Raises QueueUnavailable."""
        seconds, microseconds = self.call(self.client.time)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)

    def time(self) -> float:
        """Return epoch seconds by the broker's clock, which is read once a minute. Raises QueueUnavailable."""
        if time.monotonic() >= self._read_clock_at:
            self._clock.set(broker_seconds(self.call(self.client.time)))
            self._read_clock_at = time.monotonic() + _SECONDS_BETWEEN_CLOCK_READS
        return self._clock.now()

    def call(self, request: Any) -> Any:
        """Return what `request()`, a use of `client`, returns. Raises QueueUnavailable."""
        self._check_circuit()
        try:
            if not self._checked:
                check_server(self.client)
                self._checked = True
            answer = request()
        except CONNECTION_ERRORS as error:
            self._try_again_at = time.monotonic() + _SECONDS_BETWEEN_TRIES
            raise QueueUnavailable("no_answer", what=type(error).__name__) from error
        except OutOfMemoryError as error:
            raise QueueUnavailable("out_of_memory") from error
        except RedisError as error:
            raise QueueUnavailable("rejected", what=str(error)) from error
        self._try_again_at = 0.0
        return answer

    def _check_circuit(self) -> None:
        if not self._try_again_at:
            return
        with self._lock:
            now = time.monotonic()
            if self._try_again_at and now < self._try_again_at:
                raise QueueUnavailable("waiting")
            self._try_again_at = now + _SECONDS_BETWEEN_TRIES


_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class WorkerConnection:
    """A worker's own connection, used raw: through redis-py's client a script call costs a fifth more.

    While the broker cannot be used, every call raises one of CONNECTION_ERRORS and `reconnect` waits for it. Connects
    when first used.
    """

    def __init__(self, client: Any, url: str):
        self._connection = client.connection_pool.make_connection()
        self._connection.client_name = self._name = f"gnb-worker-{os.getpid()}-{os.urandom(6).hex()}"
        self._connection.register_connect_callback(self._identify)
        self._call_starts: dict[tuple[Script, tuple[str, ...]], bytes] = {}
        self._id: int | None = None
        self._outage = OutageLog(url)
        self._pause = 0.0

    def call(self, script: Script, keys: tuple[str, ...], args: tuple[Any, ...]) -> Any:
        """Return the script's reply."""
        connection = self._connection
        packed = self._pack(script, keys, args)
        try:
            connection.send_packed_command([packed], check_health=False)
            reply = connection.read_response()
        except NoScriptError:
            reply = self.command("EVAL", script.text, len(keys), *keys, *args)
        except ResponseError as error:
            raise_connection_error(error)
        if self._pause:  # the script has written, so the outage is over
            self._outage.end()
            self._pause = 0.0
        return reply

    def _pack(self, script: Script, keys: tuple[str, ...], args: tuple[Any, ...]) -> bytes:
        """Return the packed call of a script. What is the same in all calls with these keys is packed once."""
        if (start := self._call_starts.get((script, keys))) is None:
            start = pack_command(("EVALSHA", script.sha, len(keys), *keys)).partition(b"\r\n")[2]  # type: ignore[arg-type]
            self._call_starts[script, keys] = start
        rest = pack_command(args).partition(b"\r\n")[2]
        return b"*%d\r\n%b%b" % (3 + len(keys) + len(args), start, rest)

    def command(self, *args: Any) -> Any:
        """Return the command's reply."""
        try:
            self._connection.send_command(*args)
            return self._connection.read_response()
        except ResponseError as error:
            raise_connection_error(error)

    def reconnect(self, error: BaseException, give_up: Callable[[], bool]) -> bool:
        """Wait until the broker can be reached again, with pauses that grow until a script has succeeded.

        Returns:
            False if `give_up()` was true meanwhile.
        """
        while not give_up():
            self._outage.report(error)
            time.sleep(self._pause)
            self._pause = min(max(self._pause * 2, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            try:
                self._connection.disconnect()
                self._connection.connect()
                return True
            except (*CONNECTION_ERRORS, RedisError) as failure:
                error = failure
        return False

    def _identify(self, _connection: Any) -> None:
        """End the connection before this one, so that no command still in transit on it is executed later."""
        try:
            if self._id is not None:
                self._end(self._id)
            self._id = self.command("CLIENT", "ID")
        except BaseException:
            self._connection.disconnect()
            raise

    def _end(self, connection_id: int) -> None:
        """End the connection unless it is another client's: after a restart or a failover ids are given again."""
        try:
            listed = self.command("CLIENT", "LIST", "ID", connection_id)
            if f" name={self._name} ".encode() in listed:
                self.command("CLIENT", "KILL", "ID", connection_id)
        except ResponseError as error:
            log.debug("the old connection could not be ended: %s", error)

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        self._connection.disconnect()
