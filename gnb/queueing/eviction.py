"""Whether the broker may throw away keys to make room: it may not, because those keys are jobs."""

import logging
from contextlib import closing

from redis.exceptions import RedisError

from .connection import CONNECTION_ERRORS, connect

log = logging.getLogger(__name__)

SAFE = "noeviction"


def warn_of_eviction(url: str) -> None:
    """Logs one line when the broker may evict jobs; nothing while it is away, after a second at most."""
    try:
        with closing(connect(url)) as client:
            found = client.info("memory").get("maxmemory_policy", "")
    except (*CONNECTION_ERRORS, RedisError) as error:
        log.debug("the broker's eviction policy is not known: %s", error)
        return
    if found not in ("", SAFE):
        log.warning("the broker may evict jobs: its maxmemory-policy is %s; set it to %s", found, SAFE)
