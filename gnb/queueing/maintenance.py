"""What every supervisor and scheduler does besides: promote what is due, take back what was lost, sample the depths.

Any number of processes may do it at once; each step is atomic, and done twice is done once.
"""

import logging
import time
from typing import TYPE_CHECKING, Any

from rq import Queue as RQQueue
from rq.worker_registration import clean_worker_registry

from . import clock
from .execution import lost
from .recovery import end_execution
from .scripts import PROMOTE, run

if TYPE_CHECKING:
    from .engine import Engine

log = logging.getLogger(__name__)

_PROMOTED_AT_ONCE = 500
_SEEN_EXPIRED_FOR = 5.0

_HISTORY_KEPT = 90_000
"""Seconds, as in counts.lua: a day and an hour."""


def promote(engine: "Engine", client: Any = None) -> int:
    """How many delayed and retrying jobs were due and now wait."""
    client = client if client is not None else engine.broker.client
    moved = 0
    for queue in engine.queues:
        keys = [*queue.keys.delayed, queue.keys.wake]
        while count := run(client, PROMOTE, keys, [clock.rq_time(), _PROMOTED_AT_ONCE]):
            moved += int(count)
            if count < _PROMOTED_AT_ONCE:
                break
    return moved


class Sweeper:
    """Takes back the jobs of workers that gave no sign of life for longer than their lease.

    An execution is taken back when it was seen expired twice, some seconds apart, so that a broker that stood still
    (or whose clock jumped) gives living workers the time to renew their leases first; and only if the script that
    takes it back still finds it expired and unsettled.
    """

    def __init__(self, engine: "Engine", client: Any):
        self._engine = engine
        self._client = client
        self._expired_since: dict[tuple[str, str], float] = {}

    def sweep(self) -> int:
        """How many jobs wait again (or failed for having been lost too often)."""
        now, expired = time.monotonic(), self._expired()
        self._expired_since = {found: self._expired_since.get(found, now) for found in expired}
        due = [found for found, since in self._expired_since.items() if now - since >= _SEEN_EXPIRED_FOR]
        return sum(self._take_back(band, member) for band, member in due)

    def _expired(self) -> list[tuple[str, str]]:
        seconds, _ = self._client.time()
        bands = [band for queue in self._engine.queues for band in queue.keys.bands]
        pipeline = self._client.pipeline(transaction=False)
        for band in bands:
            pipeline.zrangebyscore(f"rq:wip:{band}", "-inf", seconds)
        answers = zip(bands, pipeline.execute(), strict=True)
        return [(band, member.decode()) for band, members in answers for member in members]

    def _take_back(self, band: str, member: str) -> bool:
        owner = self._client.hget(f"rq:execution:{member}", "worker_name")
        worker = owner.decode() if owner else "unknown"
        words = f"worker {worker} gave no sign of life"
        ended = end_execution(
            self._engine,
            self._client,
            member,
            band,
            worker,
            lambda taken, stalls: lost(taken, stalls, words),
            only_expired=True,
        )
        if ended:
            log.warning("took job %s of %s back: %s", member.partition(":")[0], band, words)
        return ended


def forget_expired(engine: "Engine", client: Any) -> None:
    """Takes out of the registries what was kept for long enough; the jobs themselves expire by their time to live."""
    seconds, _ = client.time()
    pipeline = client.pipeline(transaction=False)
    for queue in engine.queues:
        for key in queue.keys.completed + queue.keys.failed:
            pipeline.zremrangebyscore(key, "-inf", seconds)
    pipeline.execute()


def forget_dead(engine: "Engine", client: Any) -> None:
    """Takes workers off RQ's lists whose hash has run out: they were lost with their supervisor, or their machine."""
    for queue in engine.queues:
        for band in queue.keys.bands:
            clean_worker_registry(RQQueue(band, connection=client))


def sample_depths(engine: "Engine", client: Any) -> None:
    """Writes each queue's depths into the current minute of its history, once a minute whoever comes first."""
    seconds, _ = client.time()
    minute = seconds // 60
    stats = engine.stats()
    pipeline = client.pipeline(transaction=False)
    for queue, each in zip(engine.queues, stats, strict=True):
        depth = f"{each.waiting},{each.active},{each.delayed},{each.failed}"
        pipeline.hsetnx(queue.keys.minute(minute), "depth", depth)
        pipeline.expire(queue.keys.minute(minute), _HISTORY_KEPT)
    pipeline.execute()
