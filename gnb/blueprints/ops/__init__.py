"""Operations: `/healthz` (the process is up), `/readyz` (it reaches database and broker) and `/metrics`."""

import hmac
from collections.abc import Callable, Iterator
from typing import cast

import structlog
from flask import Blueprint, Flask, Request, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from gnb.blueprints.ops.queue_metrics import QueueMetrics
from gnb.blueprints.shared.extensions import limiter
from gnb.config import Settings
from gnb.extensions import db, engine, settings
from gnb.models import check_writable
from gnb.queueing.errors import QueueUnavailable, UnsupportedBroker
from gnb.services.web_processes import counts_in_files

blueprint = Blueprint("ops", __name__)


log = structlog.stdlib.get_logger(__name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 as long as the process runs: an unreachable broker must not restart web processes."""
    return jsonify(success=True, data={"process": "up"}, message="The process is up.")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 when database and broker answer, else 503; `up`, `away`, `unsupported` or `off` for each."""
    messages: list[str] = []
    parts = {"database": _state("database", _ask_database, messages), "broker": "off"}
    if settings().queue_enabled:
        parts["broker"] = _state("broker", _ask_broker, messages)
    away = [name for name, state in parts.items() if state == "away"]
    if away:
        messages.insert(0, f"Away: {', '.join(away)}.")
    if not messages:
        return jsonify(success=True, data=parts, message="Ready.")
    message = " ".join(messages)
    response = jsonify(success=False, data=parts, error={"code": "not_ready", "message": message, "details": parts})
    response.status_code = 503
    response.headers["Retry-After"] = "5"
    return response


def _state(name: str, ask: Callable[[], None], messages: list[str]) -> str:
    try:
        ask()
    except UnsupportedBroker as error:
        messages.append(f"{str(error)[0].upper()}{str(error)[1:]}.")
        return "unsupported"
    except (SQLAlchemyError, QueueUnavailable) as error:
        log.warning("not ready", part=name, error=type(error).__name__)
        return "away"
    return "up"


def _ask_database() -> None:
    db.session.execute(text("SELECT 1"))
    check_writable(db.session.connection())


def _ask_broker() -> None:
    engine().ping()


_REGISTRY = "metrics_registry"


@blueprint.record_once
def _bind(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(cast(Collector, RequestMetrics(app)))
    if cast(Settings, app.extensions["settings"]).queue_enabled:
        registry.register(cast(Collector, QueueMetrics()))
    app.extensions[_REGISTRY] = registry


@blueprint.get("/metrics")
@limiter.exempt
def metrics() -> Response:
    """Return all metrics in the format that the scraper accepts; 401 without the token if one is set."""
    _check_token()
    try:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    except (ValueError, TypeError):  # a version that is none
        encode, content_type = choose_encoder("")
    return Response(encode(current_app.extensions[_REGISTRY]), content_type=content_type)


def _check_token() -> None:
    token, given = settings().metrics_token, request.authorization
    if not token:
        return
    bearer = given.token if given and given.type == "bearer" else None
    if not hmac.compare_digest((bearer or "").encode(), token.encode()):
        raise Unauthorized("Send METRICS_TOKEN as a bearer token.", www_authenticate=WWWAuthenticate("bearer"))


BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNCOUNTED = frozenset({"/metrics", "/healthz", "/readyz"})


class RequestMetrics:
    """The requests of one application, over all its web processes where they keep their counts in files."""

    def __init__(self, app: Flask):
        app.before_request(_leave_out)
        self._own = CollectorRegistry()
        PrometheusMetrics(app, path=None, group_by=url_rule, buckets=BUCKETS, registry=self._own)

    def collect(self) -> Iterator[Metric]:
        """Return the current metrics."""
        if not counts_in_files():
            yield from self._own.collect()
            return
        yield from MultiProcessCollector(CollectorRegistry()).collect()


def url_rule(asked: Request) -> str:
    """Return the URL pattern of the request; `none` for all unknown addresses."""
    return asked.url_rule.rule if asked.url_rule else "none"


def _leave_out() -> None:
    """Leave `/metrics`, health checks and unknown methods out of the metrics."""
    if request.path in _UNCOUNTED or request.method not in _METHODS:
        request.prom_do_not_track = True  # type: ignore[attr-defined] # as the exporter's decorator does
