"""Requests to stop a job, to quiet a worker and to shut it down, sent through RQ's command channels."""

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from .. import keys as names
from ..connection import Broker
from ..errors import WorkerNotFound
from ..keys import QueueKeys

log = logging.getLogger(__name__)

_STOPS = ("stop-job", "stop-execution", "kill-horse")


class Commands:
    """The channels of some workers, on a connection of their own."""

    def __init__(self, client: Any):
        self._client = client
        self._pubsub: Any = None
        self._worker_of: dict[str, str] = {}

    def listen(self, workers: Iterable[str]) -> None:
        """Subscribe to the channels of these workers, and to no others. Raises one of CONNECTION_ERRORS."""
        wanted = {names.commands(worker): worker for worker in workers}
        if self._pubsub is None:
            self._pubsub, self._worker_of = self._client.pubsub(ignore_subscribe_messages=True), {}
        if new := wanted.keys() - self._worker_of.keys():
            self._pubsub.subscribe(*new)
        if gone := self._worker_of.keys() - wanted.keys():
            self._pubsub.unsubscribe(*gone)
        self._worker_of = wanted

    def reset(self) -> None:
        """Close a connection that broke; the next `listen` makes a new one."""
        if self._pubsub is not None:
            self._pubsub.close()
        self._pubsub = None

    def socket(self) -> int | None:
        """What to wait for, as a file descriptor; None while nothing is listened to."""
        connection = self._pubsub.connection if self._pubsub is not None else None
        socket = getattr(connection, "_sock", None)
        return socket.fileno() if socket is not None else None

    def messages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the worker's name and RQ's command for each message received, until the connection has no more.

        `get_message` returns None for the replies to subscriptions too, so None alone does not mean the end.
        """
        while self._pubsub.connection is not None and self._pubsub.connection.can_read(timeout=0):
            message = self._pubsub.get_message(timeout=0)
            worker = self._worker_of.get((message.get("channel") or b"").decode()) if message else None
            if message and worker:
                try:
                    command = json.loads(message["data"])
                    command["command"]
                except (ValueError, TypeError, KeyError, IndexError):
                    log.exception("worker %s was sent a message that is no command", worker)
                else:
                    yield worker, command


def execution_to_stop(client: Any, worker: str, message: dict[str, Any]) -> str | None:
    """The execution that the command ends; None if it is another command or the worker runs no such job.

    The wish stands in the worker's hash, where the process looks for it once woken, and for one execution only: what
    comes too late does not end the job's next attempt. Of RQ's own callers it names the job alone.
    """
    if message["command"] not in _STOPS:
        return None
    key, job = names.worker(worker), message.get("job_id")
    running = [member.decode() for member in client.smembers(names.worker_executions(worker))]
    asked = (client.hget(key, "stop") or b"").decode()
    if asked and asked.partition(":")[0] == job:
        return asked if asked in running else None
    wanted = next((member for member in running if job in (None, member.partition(":")[0])), None)
    if wanted is not None:
        client.hset(key, "stop", wanted)
    return wanted


def set_quiet(broker: Broker, name: str, quiet: bool) -> None:
    """Have a worker start no further job, or start jobs again. Raises WorkerNotFound.

    The worker's hash holds the request, so that one whose message was lost obeys at its next heartbeat.
    """
    key = names.worker(name)
    if not broker.call(lambda: broker.client.exists(key)):
        raise WorkerNotFound(f"there is no worker {name!r}")
    pipeline = broker.client.pipeline()
    if quiet:
        pipeline.hset(key, "quiet", "1")
    else:
        pipeline.hdel(key, "quiet")
    pipeline.publish(names.commands(name), json.dumps({"command": "quiet" if quiet else "resume"}))
    broker.call(pipeline.execute)


def shut_down(broker: Broker, name: str) -> None:
    """Have the `rq worker` command that the worker belongs to end once its jobs have ended, at most its grace later.

    Raises WorkerNotFound when no process listens for the name.
    """
    message = json.dumps({"command": "shutdown"})
    if not broker.call(lambda: broker.client.publish(names.commands(name), message)):
        raise WorkerNotFound(f"there is no worker {name!r} that listens")


def request_stop(broker: Broker, keys: QueueKeys, job_id: str) -> bool:
    """Whether the job runs and its worker was told to stop it.

    The wish is written to the worker's hash, so that it holds for this one execution and outlives a lost message, and
    RQ's own command is published, which a stock worker understands as well.
    """
    pipeline = broker.client.pipeline(transaction=False)
    for sub_queue in keys.active:
        pipeline.zrange(sub_queue, 0, -1)
    members = [member.decode() for sub_queue in broker.call(pipeline.execute) for member in sub_queue]
    member = next((member for member in members if member.partition(":")[0] == job_id), None)
    if member is None:
        return False
    owner = broker.call(lambda: broker.client.hget(names.job(job_id), "worker_name"))
    if owner is None:
        return False
    name = owner.decode()
    pipeline = broker.client.pipeline()
    pipeline.hset(names.worker(name), "stop", member)
    pipeline.publish(names.commands(name), json.dumps({"command": "stop-job", "job_id": job_id}))
    broker.call(pipeline.execute)
    return True
