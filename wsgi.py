"""The application as gunicorn, `flask` and `rq` start it."""

import gc
import sys
from pathlib import Path

# All that a start makes stays; looking for garbage in it again and again is a third of the start's time.
gc.disable()

from gnb import create_app  # noqa: E402
from gnb.config import settings_or_exit  # noqa: E402

_group, _name, *_ = [*sys.argv[1:3], "", ""] if Path(sys.argv[0]).name == "flask" else ["", ""]
# A worker and the scheduler write mail, whose links need the pages.
_quick = _group in ("jobs", "schedules") and _name not in ("worker", "scheduler")

app = create_app(settings_or_exit(), only=_group if _quick else "")
gc.enable()
