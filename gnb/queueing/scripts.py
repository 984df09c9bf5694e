"""The Lua scripts, each one atomic step; what it reads and writes stands on top of its file in `lua/`."""

import hashlib
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

_FOLDER = Path(__file__).parent / "lua"


class Script:
    """A script's text and the digest by which the broker knows it once it was loaded."""

    def __init__(self, *files: str):
        self.text = "\n".join((_FOLDER / file).read_text() for file in files)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


TAKE = Script("take_next.lua", "take.lua")
SETTLE = Script("take_next.lua", "settle.lua")
ENQUEUE = Script("enqueue.lua")
PROMOTE = Script("promote.lua")
REQUEUE = Script("requeue.lua")
REMOVE = Script("remove.lua")
REPRIORITISE = Script("reprioritise.lua")
DRAIN = Script("drain.lua")
BEAT = Script("beat.lua")
NOTE = Script("note.lua")
PAGE = Script("page.lua")
COUNTS = Script("counts.lua")


def run(connection: Any, script: Script, keys: list[str], args: list[Any]) -> Any:
    """What the script answers; the broker is given its text when it does not know it yet."""
    try:
        return connection.evalsha(script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return connection.eval(script.text, len(keys), *keys, *args)
