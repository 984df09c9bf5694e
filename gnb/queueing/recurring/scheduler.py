"""The process that keeps time: promotes delayed jobs and fires schedules. Any number may run, one leads.

The leader's lock is RQ's, held by a token that only its owner refreshes, for three seconds; the others look for it
twice a second, so one of them leads at most four seconds after the leader was killed. Should two ever think they lead,
as after a pause of the whole process, nothing happens twice: a firing belongs to whoever's atomic step comes first.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING
from uuid import uuid4

from redis.exceptions import RedisError
from rq.scripts import acquire_or_refresh_lock, release_lock

from ..errors import QueueUnavailable
from ..maintenance import promote
from .firing import fire_due, next_due
from .runs import write_outcomes
from .schedule import Schedule
from .store import LEADER

if TYPE_CHECKING:
    from ..engine import Engine

log = logging.getLogger(__name__)

LEASE = 3
_TICK = 0.5
_SECONDS_BETWEEN_OUTCOMES = 2.0


class Scheduler:
    """One scheduler process's loop. `declared`: the code's schedules, brought to the broker before anything fires."""

    def __init__(self, engine: "Engine", declared: Iterable[Schedule] | None = None):
        self.token = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}"
        self.leading = False
        self._engine = engine
        self._declared = tuple(declared or ())
        self._synced = declared is None
        self._stop = threading.Event()
        self._next_outcomes = 0.0

    def run(self) -> None:
        """Keeps time until SIGTERM, SIGINT or `stop()`; then lets go of the lead, so that another has it at once."""
        log.info("scheduler %s starts", self.token)
        while not self._stop.is_set():
            self._stop.wait(self.tick())
        self._release_lock()
        log.info("scheduler %s ends", self.token)

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Has `run` return after the step it is at."""
        self._stop.set()

    def listen(self) -> None:
        """Has SIGTERM and SIGINT stop this scheduler."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)

    def tick(self) -> float:
        """One round: lead if nobody else does, promote, fire. Seconds until the next, also while the broker is away."""
        try:
            if not self._synced:
                self._sync()
            self._lead_if_free()
            return self._run_due() if self.leading else _TICK
        except QueueUnavailable as error:
            log.warning("%s", error)
        self.leading = False
        return 1.0

    def _lead_if_free(self) -> None:
        broker = self._engine.broker
        answer = broker.call(lambda: acquire_or_refresh_lock(broker.client, LEADER, self.token, LEASE))
        if answer == "acquired":
            log.info("scheduler %s leads", self.token)
        self.leading = answer != "taken"

    def _run_due(self) -> float:
        self._engine.broker.call(lambda: promote(self._engine))
        for job_id in fire_due(self._engine):
            log.info("enqueued %s", job_id)
        if time.monotonic() >= self._next_outcomes:
            self._next_outcomes = time.monotonic() + _SECONDS_BETWEEN_OUTCOMES
            write_outcomes(self._engine.broker)
        following = next_due(self._engine)
        if following is None:
            return _TICK
        return min(max((following - self._engine.broker.now()).total_seconds(), 0.01), _TICK)

    def _sync(self) -> None:
        for name, done in self._engine.schedules.sync(self._declared).items():
            if done == "taken":
                log.warning("schedule %s is declared in the code, but one made by hand has its name", name)
            elif done != "kept":
                log.info("schedule %s: %s", name, done)
        self._synced = True

    def _release_lock(self) -> None:
        try:
            release_lock(self._engine.broker.client, LEADER, self.token)
        except (RedisError, OSError):
            log.debug("the broker is away; the lock ends by itself")
