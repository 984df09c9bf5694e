"""The application as gunicorn, `flask` and `rq` start it."""

import gc

# All that a start makes stays; looking for garbage in it again and again is a third of the start's time.
gc.disable()

from gnb import create_app  # noqa: E402
from gnb.config import settings_or_exit  # noqa: E402

app = create_app(settings_or_exit())
gc.enable()
