"""The way to the broker: one for callers who must not wait, one for workers who can, from the same URL.

URLs: redis://, rediss:// (TLS; `?ssl_cert_reqs=none` to skip the certificate check), unix://, and
redis+sentinel://[user:password@]host:port[,host:port…]/service[/db] for a master that Sentinel names.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
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
from .scripts import Script, run_raw

log = logging.getLogger(__name__)

CONNECTION_ERRORS = (ConnectionError, TimeoutError, ReadOnlyError, OSError)
"""What a call raises while the broker cannot be reached or is changing its master."""

_CALLER = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}
_WORKER = {"socket_connect_timeout": 5.0, "socket_timeout": 20.0, "socket_keepalive": True}
_SECONDS_BETWEEN_TRIES = 5.0
_SECONDS_BETWEEN_CLOCK_READS = 60.0


def connect(url: str, *, patient: bool = False) -> Any:
    """A client for the URL; `patient` for a worker, otherwise it gives up after a second. Connects when first used."""
    once = Retry(NoBackoff(), 0 if patient else 1, supported_errors=(ConnectionError,))
    options: dict[str, Any] = {**(_WORKER if patient else _CALLER), "retry": once}
    scheme = urlsplit(url).scheme
    if scheme.endswith("+sentinel"):
        return _through_sentinel(url, options)
    if scheme == "unix":
        options.pop("socket_keepalive", None)
    return Redis.from_url(url, **options)


def sentinel_settings(url: str) -> dict[str, Any]:
    """What a redis+sentinel:// URL says, in the form that RQ's settings module takes as SENTINEL."""
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
    if certificates := parse_qs(parts.query).get("ssl_cert_reqs"):
        found["CONNECTION_KWARGS"] = {"ssl_cert_reqs": certificates[-1]}
    return found


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon else (text, 26379)


def _through_sentinel(url: str, options: dict[str, Any]) -> Any:
    found = sentinel_settings(url)
    options = options | found.get("CONNECTION_KWARGS", {}) | ({"ssl": True} if found["SSL"] else {})
    sentinel = Sentinel(
        found["INSTANCES"],
        sentinel_kwargs={"socket_connect_timeout": 1.0, "socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)},
        username=found["USERNAME"],
        password=found["PASSWORD"],
        **options,
    )
    kind = _SentinelSSLConnection if found["SSL"] else _SentinelConnection
    return sentinel.master_for(found["MASTER_NAME"], db=found["DB"], connection_class=kind)


class _SentinelConnection(SentinelManagedConnection):
    """A connection to the master that closes when an answer is late.

    redis-py leaves it open, with the answer unread: the next command on it would get the answer of the last one, and a
    frozen master would keep its clients after the failover.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        return super().read_response(*args, **{**options, "disconnect_on_error": True})


class _SentinelSSLConnection(_SentinelConnection, SentinelManagedSSLConnection):
    """The same over TLS."""


class Broker:
    """The caller's way: errors become QueueUnavailable, and while the broker is away only one call in 5 s tries it."""

    def __init__(self, url: str):
        self.url = url
        self.client = connect(url)
        self._lock = threading.Lock()
        self._try_again_at = 0.0
        self._clock = BrokerClock()
        self._read_clock_at = 0.0

    def run(self, script: Script, keys: list[str], args: list[Any]) -> Any:
        """What the script answers. Raises QueueUnavailable."""
        return self.run_each(script, keys, [args])[0]

    def run_each(self, script: Script, keys: list[str], calls: Sequence[list[Any]]) -> list[Any]:
        """What the script answers for each list of arguments; all are sent before the first answer is awaited."""
        return self.call(lambda: run_raw(self.client, script, keys, calls))  # type: ignore[no-any-return]

    def now(self) -> datetime:
        """The broker's time, in UTC. Raises QueueUnavailable."""
        seconds, microseconds = self.call(self.client.time)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)

    def time(self) -> float:
        """Return epoch seconds by the broker's clock, which is read once a minute. Raises QueueUnavailable."""
        if time.monotonic() >= self._read_clock_at:
            self._clock.set(broker_seconds(self.call(self.client.time)))
            self._read_clock_at = time.monotonic() + _SECONDS_BETWEEN_CLOCK_READS
        return self._clock.now()

    def call(self, request: Any) -> Any:
        """What `request()`, a use of `client`, gives back. Raises QueueUnavailable."""
        self._check_circuit()
        try:
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


log = logging.getLogger(__name__)

_LONGEST_PAUSE = 2.0
_REFUSALS = ("MISCONF", "NOREPLICAS")
"""What a broker answers to every write while its disk is full or too few replicas follow it: as if it were away."""


class WorkerConnection:
    """A worker's own connection, used raw: through redis-py's client a script call costs a fifth more.

    While the broker is unreachable, `call` raises one of CONNECTION_ERRORS and `reconnect` waits for it.
    """

    def __init__(self, client: Any):
        self._connection = client.connection_pool.get_connection()
        self._id: int | None = None
        self._identify()

    def call(self, script: Script, keys: list[str], args: Sequence[Any]) -> Any:
        """What the script answers."""
        try:
            return self._evaluate(script, keys, args)
        except ResponseError as error:
            if not str(error).startswith(_REFUSALS):
                raise
            log.warning("the broker refuses: %s", error)
            time.sleep(_LONGEST_PAUSE)
            raise ConnectionError(str(error)) from error

    def _evaluate(self, script: Script, keys: list[str], args: Sequence[Any]) -> Any:
        connection = self._connection
        packed = pack_command(("EVALSHA", script.sha, len(keys), *keys, *args))
        connection.send_packed_command([packed], check_health=False)
        try:
            return connection.read_response()
        except NoScriptError:
            return self.command("EVAL", script.text, len(keys), *keys, *args)

    def command(self, *words: Any) -> Any:
        self._connection.send_command(*words)
        return self._connection.read_response()

    def reconnect(self, give_up: Callable[[], bool]) -> bool:
        """Waits until the broker answers again; what was still on its way on the old connection is dropped there.
        False when `give_up()` said so meanwhile."""
        pause, lost = 0.05, self._id
        log.warning("the broker is away; waiting for it")
        while not give_up():
            try:
                self._connection.disconnect()
                self._connection.connect()
                self._drop(lost)
                self._identify()
            except (*CONNECTION_ERRORS, RedisError):
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                log.warning("the broker is back")
                return True
        return False

    def _identify(self) -> None:
        self.command("CLIENT", "SETNAME", f"gnb-worker-{os.getpid()}")
        self._id = self.command("CLIENT", "ID")

    def _drop(self, connection_id: int | None) -> None:
        if connection_id is not None:
            try:
                self.command("CLIENT", "KILL", "ID", connection_id)
            except RedisError:
                log.debug("could not drop the old connection; it may be gone with its server")

    def close(self) -> None:
        """Ends the connection; the next use opens a new one."""
        self._connection.disconnect()


log = logging.getLogger(__name__)

SAFE_EVICTION_POLICY = "noeviction"


def warn_of_eviction(url: str) -> None:
    """Log one line if the broker may evict jobs; nothing if it is unreachable, after a second at most."""
    try:
        with closing(connect(url)) as client:
            found = client.info("memory").get("maxmemory_policy", "")
    except (*CONNECTION_ERRORS, RedisError) as error:
        log.debug("the broker's eviction policy is not known: %s", error)
        return
    if found not in ("", SAFE_EVICTION_POLICY):
        log.warning("the broker may evict jobs: its maxmemory-policy is %s; set it to %s", found, SAFE_EVICTION_POLICY)
