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
        """Return the file descriptor to wait for; None while there is no subscription."""
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
                    log.exception("worker %s received a message that is not a command", worker)
                else:
                    yield worker, command


def execution_to_stop(client: Any, worker: str, message: dict[str, Any]) -> str | None:
    """Return the execution that the command stops; None if it is another command or the worker runs no such job.

    The stop request is a field of the worker's hash, which the process reads after the signal. It names one execution,
    so that a late request does not stop the job's next attempt. RQ's own callers name only the job.
    """
    if message["command"] not in _STOPS:
        return None
    key, job = names.worker(worker), message.get("job_id")
    running = [member.decode() for member in client.smembers(names.worker_executions(worker))]
    requested = (client.hget(key, "stop") or b"").decode()
    if requested and requested.partition(":")[0] == job:
        return requested if requested in running else None
    found = next((member for member in running if job in (None, member.partition(":")[0])), None)
    if found is not None:
        client.hset(key, "stop", found)
    return found


def set_quiet(broker: Broker, name: str, quiet: bool) -> None:
    """Have a worker start no further job, or start jobs again. Raises WorkerNotFound.

    The worker's hash holds the request, so that one whose message was lost obeys at its next heartbeat.
    """
    key = names.worker(name)
    if not broker.call(lambda: broker.client.exists(key)):
        raise WorkerNotFound(name=repr(name))
    pipeline = broker.client.pipeline()
    if quiet:
        pipeline.hset(key, "quiet", "1")
    else:
        pipeline.hdel(key, "quiet")
    pipeline.publish(names.commands(name), json.dumps({"command": "quiet" if quiet else "resume"}))
    broker.call(pipeline.execute)


def shut_down(broker: Broker, name: str) -> None:
    """Have the `rq worker` command that the worker belongs to end once its jobs have ended, at most its grace later.

    Raises WorkerNotFound if it is not registered or no process listens for the name.
    """
    if not broker.call(lambda: broker.client.exists(names.worker(name))):
        raise WorkerNotFound(name=repr(name))
    message = json.dumps({"command": "shutdown"})
    if not broker.call(lambda: broker.client.publish(names.commands(name), message)):
        raise WorkerNotFound("not_listening", name=repr(name))


def request_stop(broker: Broker, keys: QueueKeys, job_id: str) -> bool:
    """Request that the running job be stopped; return False if it does not run.

    The request is written to the worker's hash, so that it applies to this one execution and a lost message does not
    matter, and RQ's own command is published, which RQ's own workers understand as well.
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
