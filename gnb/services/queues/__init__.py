"""The queues: their defaults, and everything that people read and change of them.

Blueprints and commands use `actions`, `reading`, `recurring` and `schemas`; other services and scripts add jobs with
`gnb.services.queue_service`.
"""

import hashlib
from functools import cache

from gnb.config import ROOT, Settings
from gnb.queueing import Backoff, Engine, JobOptions, QueueOptions, RateLimit

_MINUTE = 60.0

DEFAULTS = {
    "export": JobOptions(attempts=2, priority=5, backoff=Backoff(delay=2), timeout=15 * _MINUTE),
    "email": JobOptions(attempts=5, priority=3, backoff=Backoff(delay=1), timeout=_MINUTE),
    "ai": JobOptions(attempts=3, priority=7, backoff=Backoff(delay=2), timeout=_MINUTE),
    "scheduled": JobOptions(attempts=3, priority=5, backoff=Backoff(delay=2), timeout=15 * _MINUTE),
}
"""Retention is `JobOptions`' own: completed 24 hours and 1,000, failed 7 days and 5,000."""


def make_engine(settings: Settings) -> Engine:
    """Return the engine for these settings; it connects on first use."""
    limits = {queue: RateLimit.parse(text) for queue, text in settings.rate_limits.items()}
    key_limits = {"email": {"recipient": RateLimit.parse(settings.email_recipient_rate_limit, key="recipient")}}
    queues = {
        name: QueueOptions(options, limits[name], settings.concurrency_limits[name], key_limits.get(name, {}))
        for name, options in DEFAULTS.items()
    }
    return Engine(settings.redis_url, queues, version=code_version())


@cache
def code_version() -> str:
    """Return a digest of the application's code and templates as they were at the first call, made at the start."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in ("gnb", "templates") for path in (ROOT / folder).rglob("*.*")):
        if path.suffix in (".py", ".lua", ".html", ".txt"):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:10]
