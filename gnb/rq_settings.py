"""Settings for RQ's own commands: `rq worker --config gnb.rq_settings --worker-class gnb.queueing.Worker export`."""

import os
from urllib.parse import urlsplit

import click

_context = click.get_current_context(silent=True)
if _context and (_url := _context.params.get("url")):
    # `--url` names the broker of the whole application: what a job enqueues goes there too.
    os.environ["REDIS_URL"] = _url

from gnb.extensions import db  # noqa: E402
from gnb.extensions import settings as _settings  # noqa: E402
from gnb.queueing import Worker  # noqa: E402
from gnb.queueing.connection import sentinel_settings  # noqa: E402
from wsgi import app  # noqa: E402

_engine = app.extensions["engine"]
with app.app_context():
    _pool = _context is not None and _context.info_name == "worker-pool"
    Worker.configure(
        _engine,
        # In a pool each worker is one process; its option --num-workers sets their number.
        concurrency={} if _pool else _settings().worker_concurrency,
        grace=_settings().worker_shutdown_grace,
        max_memory=_settings().worker_max_memory,
    )
    # A process that forks must not hold connections that its children would share.
    db.engine.dispose()

if urlsplit(_engine.url).scheme.endswith("+sentinel"):
    SENTINEL = sentinel_settings(_engine.url)
else:
    REDIS_URL = _engine.url
QUEUES = [queue.name for queue in _engine.queues]
