"""A worker's own connection, used raw: through redis-py's client a script call costs a fifth more."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from hiredis import pack_command
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError

from .connection import AWAY
from .scripts import Script

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 2.0
_REFUSALS = ("MISCONF", "NOREPLICAS")
"""What a broker answers to every write while its disk is full or too few replicas follow it: as if it were away."""


class Link:
    """One connection to the broker. While that is away, `call` raises one of AWAY and `reconnect` waits for it."""

    def __init__(self, client: Any):
        self._connection = client.connection_pool.get_connection()
        self._id: int | None = None
        self._identify()

    def call(self, script: Script, keys: list[str], args: list[Any]) -> Any:
        """What the script answers."""
        try:
            return self._evaluate(script, keys, args)
        except ResponseError as error:
            if not str(error).startswith(_REFUSALS):
                raise
            log.warning("the broker refuses: %s", error)
            time.sleep(_LONGEST_PAUSE)
            raise ConnectionError(str(error)) from error

    def _evaluate(self, script: Script, keys: list[str], args: list[Any]) -> Any:
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
            except (*AWAY, RedisError):
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
