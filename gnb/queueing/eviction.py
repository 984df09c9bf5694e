"""Warnings at a process's start about the server that is its broker. It must not evict keys, because keys are jobs."""

import logging
from contextlib import closing

from redis.exceptions import RedisError

from .broker_check import check_server
from .connection import CONNECTION_ERRORS, connect
from .errors import UnsupportedBroker

log = logging.getLogger(__name__)

SAFE = "noeviction"


def warn_of_eviction(url: str) -> None:
    """Log one line if the broker may evict jobs, or none can run there; none while it is unreachable."""
    try:
        with closing(connect(url)) as client:
            check_server(client)
            found = client.info("memory").get("maxmemory_policy", "")
    except UnsupportedBroker as error:
        log.error("%s", error)
        return
    except (*CONNECTION_ERRORS, RedisError) as error:
        log.debug("the broker's eviction policy is not known: %s", error)
        return
    if found not in ("", SAFE):
        log.warning("the broker may evict jobs: its maxmemory-policy is %s; set it to %s", found, SAFE)
