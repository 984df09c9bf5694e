"""The Lua scripts, each one atomic step; what it reads and writes stands on top of its file in `lua/`."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hiredis import pack_command
from redis.exceptions import NoScriptError, ResponseError

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


class FinishArgs(NamedTuple):
    """The arguments of the finish script after those of `DequeueArgs`."""

    dequeue_next: str
    """ "1" to dequeue the next job too."""
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


class Script:
    """A script's text and the digest by which the broker knows it once it was loaded.

    `when_full`: it runs although the broker's memory is full. So do all that finish work, and thereby free memory; what
    brings new work is refused then. `args`: the tuples that its arguments come from. Where its file has `args.outcome`,
    its text has `ARGV[11]`; a name that none of the tuples has raises ValueError.
    """

    def __init__(self, *files: str, when_full: bool = False, args: Sequence[type[Any]] = ()):
        flags = "#!lua flags=allow-oom\n" if when_full else ""
        fields = [field for fields in args for field in fields._fields]
        text = "\n".join((_FOLDER / file).read_text() for file in files)
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
PAGE = Script("page.lua")
RELATIVES = Script("relatives.lua")
COUNT = Script("count.lua")
COUNTS = Script("counts.lua")
ALIVE = Script("alive.lua")
FIRE = Script("fire.lua")
SAVE_SCHEDULE = Script("save_schedule.lua")
RUN_SCHEDULE = Script("run_schedule.lua")
ENQUEUE_SCHEDULED = Script("enqueue_scheduled.lua")
RECURRING = Script("recurring.lua")


def run(connection: Any, script: Script, keys: list[str], args: list[Any]) -> Any:
    """What the script answers; the broker is given its text when it does not know it yet."""
    try:
        return connection.evalsha(script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return connection.eval(script.text, len(keys), *keys, *args)


def run_raw(client: Any, script: Script, keys: list[str], calls: Sequence[list[Any]]) -> list[Any]:
    """The same for each list of arguments, all sent before the first answer is awaited, on one connection of the
    client's pool; past redis-py's command machinery, which costs a fifth of an enqueue."""
    connection = client.connection_pool.get_connection()
    try:
        for args in calls:
            packed = pack_command(("EVALSHA", script.sha, len(keys), *keys, *args))
            connection.send_packed_command([packed], check_health=False)
        answers = [_answer(connection) for _ in calls]
    except BaseException:
        connection.disconnect()  # answers may still be on their way, which are nobody else's
        raise
    finally:
        client.connection_pool.release(connection)
    for number, answer in enumerate(answers):
        if isinstance(answer, NoScriptError):
            answers[number] = client.eval(script.text, len(keys), *keys, *calls[number])
        elif isinstance(answer, Exception):
            raise answer
    return answers


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
