"""The Lua scripts, each one atomic step; what it reads and writes stands on top of its file in `lua/`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiredis import pack_command
from redis.exceptions import NoScriptError, ResponseError

_FOLDER = Path(__file__).parent / "lua"


class Script:
    """A script's text and the digest by which the broker knows it once it was loaded.

    `when_full`: it runs although the broker's memory is full. So do all that finish work, and thereby free memory; what
    brings new work is refused then.
    """

    def __init__(self, *files: str, when_full: bool = False):
        flags = "#!lua flags=allow-oom\n" if when_full else ""
        self.text = flags + "\n".join((_FOLDER / file).read_text() for file in files)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


DEQUEUE = Script("dequeue_job.lua", "dequeue.lua", when_full=True)
FINISH = Script("dequeue_job.lua", "finish.lua", when_full=True)
ENQUEUE = Script("enqueue.lua")
PAUSE = Script("pause.lua", when_full=True)
PROMOTE = Script("promote.lua", when_full=True)
REQUEUE = Script("requeue.lua")
REMOVE = Script("forget.lua", "remove.lua", when_full=True)
REPRIORITISE = Script("reprioritise.lua")
RESCHEDULE = Script("reschedule.lua")
DRAIN = Script("forget.lua", "drain.lua", when_full=True)
HEARTBEAT = Script("heartbeat.lua", when_full=True)
CLAIM = Script("claim.lua", when_full=True)
REGISTER = Script("register.lua", when_full=True)
UPDATE_PROGRESS = Script("update_progress.lua")
PAGE = Script("page.lua")
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
