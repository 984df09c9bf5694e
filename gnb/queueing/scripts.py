"""The Lua scripts, each one atomic step; the top of its file in `lua/` lists what it reads and writes."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hiredis import pack_command
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError

_FOLDER = Path(__file__).parent / "lua"
_ARG = re.compile(r"\bargs\.(\w+)")


class DequeueArgs(NamedTuple):
    """The arguments of the dequeue script, and the first ones of the finish script."""

    worker: str
    execution_id: str
    """The id of the execution that the dequeued job gets."""
    rq_now: str
    """The current time in RQ's format."""
    lease: float
    """Seconds without a heartbeat after which the execution counts as lost."""
    rate_limit: str
    """The limit that holds while none was set at run time, like the next one."""
    concurrency_limit: str
    was_idle: str = ""
    """ "1" if the worker was idle, and so has taken the wake-up that others may be waiting for."""
    prefetch: int = 1
    """How many jobs are dequeued at most: one, where a limit is in force."""


class FinishArgs(NamedTuple):
    """The arguments of the finish script after those of `DequeueArgs`."""

    dequeue_next: str
    """ "1" to dequeue the next job too; "" if the worker does not go on; "later" if a job more is finished first."""
    job_id: str
    sub_queue: str
    ended_execution_id: str
    outcome: str
    """completed, failed, stopped, retried, stalled or released."""
    result_field: str
    """ "return_value", "exc_string" or "": the field of RQ's result stream that holds `result`."""
    result: str
    ttl: int | bytes
    """Seconds for which the job is kept; 0 removes it, -1 keeps it for ever."""
    keep: int | bytes
    """How many jobs that ended like this one are kept; -1 keeps all."""
    delay: float
    """Seconds until the retry."""
    retries_left: int
    error_line: str
    attempt: int
    attempts: int | str
    """How many attempts the job has in all; "" for one enqueued by plain RQ, which counts only those that are left."""
    started: str
    """Epoch seconds, like `ended`."""
    ended: str
    count_field: str
    """The field of the queue's counts that is incremented; "" counts nothing."""
    job_type: str
    duration: int
    """Microseconds, like `waited`."""
    waited: int
    only_expired: str
    """ "1" to end the execution only if its lease has expired."""
    completed_count: int | str
    """The worker's totals with the next two, written when it becomes idle and after every 16th job; "" leaves them."""
    failed_count: int | str
    working_seconds: str
    may_have_logged: str
    """ "1" if the job may have a log."""
    as_queue: str
    """ "1" if the job is kept as its queue says, and so as was set at run time."""
    own_age: str = ""
    """ "1" if the job is kept for a time other than its type's default."""
    prefetched: str = ""
    """ "1" if the job started after it was dequeued."""


class Script:
    """A script's text and the digest by which the broker knows it once it was loaded.

    `when_full`: it runs although the broker's memory is full. So do all that finish work, and thereby free memory; what
    adds work is rejected then. `args`: the tuples that its arguments come from. Where its file has `args.outcome`,
    its text has `ARGV[13]`, for `args.size` the number of their fields; a name that none of them has raises ValueError.
    """

    def __init__(self, *files: str, when_full: bool = False, args: Sequence[type[Any]] = ()):
        flags = "#!lua flags=allow-oom\n" if when_full else ""
        fields = [field for fields in args for field in fields._fields]
        text = "\n".join((_FOLDER / file).read_text() for file in files)
        text = re.sub(r"\bargs\.size\b", str(len(fields)), text)
        self.text = flags + _ARG.sub(lambda named: f"ARGV[{fields.index(named[1]) + 1}]", text)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


DEQUEUE = Script("dequeue_job.lua", "dequeue.lua", when_full=True, args=[DequeueArgs])
FINISH = Script(
    "dequeue_job.lua",
    "deduplication.lua",
    "dependents.lua",
    "finish.lua",
    when_full=True,
    args=[DequeueArgs, FinishArgs],
)
RELEASE = Script("release.lua", when_full=True)
ENQUEUE = Script("deduplication.lua", "dependents.lua", "enqueue.lua")
RESOLVE = Script("deduplication.lua", "dependents.lua", "resolve.lua", when_full=True)
PAUSE = Script("pause.lua", when_full=True)
PROMOTE = Script("promote.lua", when_full=True)
REQUEUE = Script("deduplication.lua", "dependents.lua", "requeue.lua")
REMOVE = Script("deduplication.lua", "dependents.lua", "forget.lua", "remove.lua", when_full=True)
REPRIORITISE = Script("reprioritise.lua")
RESCHEDULE = Script("reschedule.lua")
DRAIN = Script("deduplication.lua", "dependents.lua", "forget.lua", "drain.lua", when_full=True)
HEARTBEAT = Script("heartbeat.lua", when_full=True)
CLAIM = Script("claim.lua", when_full=True)
REGISTER = Script("register.lua", when_full=True)
UPDATE_PROGRESS = Script("update_progress.lua")
PAGE = Script("repeated.lua", "page.lua")
RELATIVES = Script("relatives.lua")
COUNT = Script("count.lua")
COUNTS = Script("repeated.lua", "counts.lua")
SAMPLE = Script("sample.lua")
ALIVE = Script("alive.lua")
FIRE = Script("fire.lua")
SAVE_SCHEDULE = Script("save_schedule.lua")
RUN_SCHEDULE = Script("run_schedule.lua")
ENQUEUE_SCHEDULED = Script("enqueue_scheduled.lua")
RECURRING = Script("recurring.lua")


def run(connection: Any, script: Script, keys: list[str], args: list[Any]) -> Any:
    """Return the script's reply; its text is sent if the broker does not have it yet."""
    try:
        return connection.evalsha(script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return connection.eval(script.text, len(keys), *keys, *args)


class ScriptConnections:
    """Connections for `run_raw`: what redis-py's pool does each time it lends one costs a tenth of an enqueue."""

    def __init__(self, client: Any):
        self.client = client
        self._unused: list[Any] = []
        self._pid = os.getpid()

    def take(self) -> Any:
        """Return a connected connection that nobody else uses."""
        if self._pid != os.getpid():  # a forked process must not use those of its parent
            self._unused, self._pid = [], os.getpid()
        try:
            connection = self._unused.pop()
        except IndexError:
            connection = self.client.connection_pool.make_connection()
        connection.connect()
        try:
            stale = connection.can_read()
        except (ConnectionError, TimeoutError, OSError):
            stale = True
        if stale:  # the broker has closed it
            connection.disconnect()
            connection.connect()
        return connection

    def give_back(self, connection: Any) -> None:
        """Keep the connection for the next call; all its replies have been read."""
        self._unused.append(connection)

    def drop(self, connection: Any) -> None:
        """Close a connection that failed, and with it all others: the broker may have changed."""
        unused, self._unused = self._unused, []
        for each in (connection, *unused):
            each.disconnect()


def run_raw(connections: ScriptConnections, script: Script, keys: list[str], calls: Sequence[list[Any]]) -> list[Any]:
    """Return the script's reply for each list of arguments; all are sent before the first reply is read.

    Does not use redis-py's client, which costs a fifth of an enqueue.
    """
    connection = connections.take()
    try:
        for args in calls:
            packed = pack_command(("EVALSHA", script.sha, len(keys), *keys, *args))
            connection.send_packed_command([packed], check_health=False)
        answers = [_answer(connection) for _ in calls]
    except BaseException:
        connections.drop(connection)  # it may still get replies, which another call must not read
        raise
    connections.give_back(connection)
    for number, answer in enumerate(answers):
        if isinstance(answer, NoScriptError):
            answers[number] = connections.client.eval(script.text, len(keys), *keys, *calls[number])
        elif isinstance(answer, Exception):
            raise answer
    return answers


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
