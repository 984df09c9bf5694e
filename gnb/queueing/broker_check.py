"""Whether a server can be the broker: a single one that is new enough."""

from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from .errors import UnsupportedBroker

NEEDED = "Redis 7.0, Valkey 7.2 or later"
_OLDEST = 7
"""The first version of Redis with LMPOP and with flags in scripts."""


def check_server(client: Any) -> None:
    """Raise UnsupportedBroker if the server is too old, a cluster or a Sentinel."""
    try:
        answer = client.execute_command("HELLO")
    except NoPermissionError:
        return  # what the server does not tell is not held against it
    except ResponseError as error:
        if "unknown command" not in str(error).lower():
            raise
        raise UnsupportedBroker(f"the broker is older than Redis 6; {NEEDED} is needed") from None
    fields = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    server, version, mode = (fields.get(name, b"").decode() for name in (b"server", b"version", b"mode"))
    if server != "valkey" and version.partition(".")[0].isdigit() and int(version.partition(".")[0]) < _OLDEST:
        raise UnsupportedBroker(f"the broker is {server.capitalize()} {version}; {NEEDED} is needed")
    if mode == "cluster":
        raise UnsupportedBroker("the broker is a cluster; a single server or a primary with Sentinel is needed")
    if mode == "sentinel":
        raise UnsupportedBroker("the broker's URL names a Sentinel; write redis+sentinel://host:port/service")
