"""Logs on standard output, one line per event as text or JSON, and error reports to Sentry.

Lines have the id of the request that caused them, also in the jobs that the request enqueued.
"""

import logging
import sys
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from flask import Flask, Response, g, has_request_context, request

from gnb.config import Settings
from gnb.queueing import JobContext

running_job: ContextVar[JobContext | None] = ContextVar("running_job", default=None)
"""The job that runs at this moment."""


def correlation_id() -> str:
    """Return the id of this request, or of the one that enqueued the running job; "" if there is none."""
    if running := running_job.get():
        return running.correlation_id
    return str(g.get("request_id", "")) if has_request_context() else ""


def _name_the_job(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if running := running_job.get():
        event.update(queue=running.queue, job=running.id, type=running.type, attempt=running.attempt)
        if running.correlation_id:
            event["request_id"] = running.correlation_id
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    _name_the_job,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
# Below a warning, their lines repeat what the access line says, or tell how they work inside.
_QUIET = ("alembic.runtime.plugins", "werkzeug", "fontTools", "weasyprint", "botocore", "urllib3", "httpx")

access = structlog.stdlib.get_logger("gnb.access")


def configure(settings: Settings) -> None:
    """Send the records of structlog and of the standard library to standard output, in the configured format."""
    if settings.log_format == "json":
        ending: list[Any] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        # A plain traceback: the richer one prints local variables, which hold names and passwords.
        ending = [
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=not settings.testing,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    _replace_handler(root, handler)
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _replace_handler(root: logging.Logger, handler: logging.Handler) -> None:
    """Install exactly one handler of ours, however often this is called; other handlers (pytest's) stay."""
    handler.set_name("gnb")
    for old in [old for old in root.handlers if old.get_name() == "gnb"]:
        root.removeHandler(old)
    root.addHandler(handler)


def bind(app: Flask) -> None:
    """Log one access line per request: method, route, status and milliseconds; no address, no name.

    Requests for static files, `/healthz`, `/readyz` and `/metrics` are not logged.
    """

    @app.before_request
    def start() -> None:
        g.request_started = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        if request.endpoint not in ("static", "ops.healthz", "ops.readyz", "ops.metrics"):
            taken = (time.perf_counter() - g.get("request_started", time.perf_counter())) * 1000
            rule = request.url_rule.rule if request.url_rule else "(none)"
            access.info("request", method=request.method, route=rule, status=response.status_code, ms=round(taken, 1))
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")


# Names, addresses and passwords are in variables, bodies, headers and query strings.
_NOTHING_PERSONAL: Any = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "database_query_data": False,
    "queues": False,
    "gen_ai": {"inputs": False, "outputs": False},
    "stack_frame_variables": False,
}


def report_errors(settings: Settings) -> None:
    """Report unhandled errors and error log lines to Sentry if SENTRY_DSN is set: the stack, but no personal data."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.flask import FlaskIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env,
        # Its other integrations would patch RQ and Redis underneath the engine.
        auto_enabling_integrations=False,
        integrations=[FlaskIntegration(), LoggingIntegration()],
        data_collection=_NOTHING_PERSONAL,
        max_breadcrumbs=0,
    )
