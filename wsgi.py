"""The application as gunicorn, `flask` and `rq` start it."""

from gnb import create_app
from gnb.config import settings_or_exit

app = create_app(settings_or_exit())
