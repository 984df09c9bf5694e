"""Whether the broker can be used: warnings during an outage, and servers that can never be one."""

import logging
import time
from typing import Any, NoReturn
from urllib.parse import urlsplit

from redis.exceptions import ConnectionError, NoPermissionError, ResponseError

from .errors import QueueUnavailable, UnsupportedBroker

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_WARNINGS = 60.0
_SECONDS_BETWEEN_OUTAGES = 10.0
"""A broker that fails and recovers all the time is not reported more often than this."""

OUTAGE_CODES = frozenset(
    {"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOPERM", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN",
     "UNBLOCKED"}
)  # fmt: skip
"""The error replies of a broker that is reachable but cannot be used at the moment: workers wait for its end."""

_REMEDIES = (
    (
        ("WRONGPASS", "NOAUTH", "Authentication", "invalid username-password"),
        "correct the user and password in its URL",
    ),
    (("NOPERM",), "grant its user the commands of the engine"),
    (("CERTIFICATE", "SSL"), "check its certificate; name the authority with ?ssl_ca_certs=FILE"),
    (("Name or service not known", "Temporary failure in name"), "correct the host name in its URL"),
    (("master", "slave"), "check the hosts and the service in its URL, and that the Sentinels agree on a primary"),
    (("READONLY", "UNBLOCKED"), "it is a replica: name the primary in its URL, or wait for the failover"),
    (("MISCONF",), "make room on its disk; its log says why it cannot write"),
    (("NOREPLICAS",), "start its replicas, or lower min-replicas-to-write"),
    (("BUSY",), "end the script that it runs, with SCRIPT KILL"),
    (("OOM",), "raise its maxmemory, or remove jobs"),
    (("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"), "wait until it is ready"),
    (("Timeout", "timed out"), "check that it responds and that no firewall is in between"),
)
_OTHER_REMEDY = "check that it runs and that host and port in its URL are correct"


def reply_code(error: BaseException) -> str:
    """Return the code of an error reply, such as READONLY, which redis-py removes from some texts."""
    return str(getattr(error, "status_code", None) or str(error).partition(" ")[0])


def is_outage(error: ResponseError) -> bool:
    """Return whether the reply means that the broker cannot be used at the moment."""
    return reply_code(error) in OUTAGE_CODES


def raise_connection_error(error: ResponseError) -> NoReturn:
    """Raise the error as a ConnectionError if it is an outage's, otherwise unchanged."""
    code = reply_code(error)
    if is_outage(error):
        raise ConnectionError(str(error).removeprefix(f"{code} "), status_code=code) from error
    raise error


def describe(url: str, error: BaseException) -> str:
    """Return one line with the broker's address, the cause of the error and a remedy; never the URL's password."""
    code = getattr(error, "status_code", None) or ""
    text = " ".join(f"{code} {error}".split()) or type(error).__name__
    found = (remedy for words, remedy in _REMEDIES if any(word in text for word in words))
    return f"the broker at {_address(url)} cannot be used: {text.rstrip('.')}; {next(found, _OTHER_REMEDY)}"


def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]


class OutageLog:
    """Warns of an outage immediately, once a minute while it lasts, and of its end."""

    def __init__(self, url: str):
        self._url = url
        self._cause: BaseException | None = None
        self._next_warning = 0.0
        self.open = False

    def report(self, error: BaseException) -> None:
        """Log the error if nothing was logged for a minute; a new outage at the earliest ten seconds after the last."""
        cause = error.__cause__ if isinstance(error, QueueUnavailable) else error
        self._cause = cause or self._cause or error
        now = time.monotonic()
        if now >= self._next_warning:
            log.warning("%s", describe(self._url, self._cause))
            self._next_warning, self.open = now + _SECONDS_BETWEEN_WARNINGS, True

    def end(self) -> None:
        """Log that the broker can be used again, if its outage was logged."""
        if self.open:
            log.warning("the broker at %s can be used again", _address(self._url))
            self._next_warning, self.open = time.monotonic() + _SECONDS_BETWEEN_OUTAGES, False


SAFE_EVICTION_POLICY = "noeviction"

NEEDED = "Redis 7.0, Valkey 7.2 or later"
_OLDEST = 7
"""The first version of Redis with LMPOP and with flags in scripts."""


def check_server(client: Any) -> None:
    """Raise UnsupportedBroker if the server is too old, a cluster or a Sentinel."""
    try:
        answer = client.execute_command("HELLO")
    except NoPermissionError:
        return  # a server that does not let us ask counts as supported
    except ResponseError as error:
        if "unknown command" not in str(error).lower():
            raise
        raise UnsupportedBroker("older", needed=NEEDED) from None
    fields = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    server, version, mode = (fields.get(name, b"").decode() for name in (b"server", b"version", b"mode"))
    if server != "valkey" and version.partition(".")[0].isdigit() and int(version.partition(".")[0]) < _OLDEST:
        raise UnsupportedBroker("version", server=server.capitalize(), version=version, needed=NEEDED)
    if mode == "cluster":
        raise UnsupportedBroker("cluster")
    if mode == "sentinel":
        raise UnsupportedBroker("sentinel")
