"""Settings for RQ's own commands: `rq worker -c gnb.rq_settings --worker-class gnb.queueing.Worker export`."""

from urllib.parse import urlsplit

from gnb.queueing import Worker
from gnb.queueing.connection import sentinel_settings
from wsgi import app

_engine = app.extensions["engine"]
Worker.engine = _engine

if urlsplit(_engine.url).scheme.endswith("+sentinel"):
    SENTINEL = sentinel_settings(_engine.url)
else:
    REDIS_URL = _engine.url
QUEUES = [queue.name for queue in _engine.queues]
