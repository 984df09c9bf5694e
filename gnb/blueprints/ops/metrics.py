"""`/metrics`: what Prometheus scrapes. Behind METRICS_TOKEN when that is set."""

import hmac
from collections.abc import Iterator
from typing import cast

from flask import Flask, Request, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from gnb.blueprints.ops import blueprint
from gnb.blueprints.ops.queue_metrics import QueueMetrics
from gnb.blueprints.shared.extensions import limiter
from gnb.config import Settings
from gnb.extensions import settings
from gnb.services.web_processes import counts_in_files

_REGISTRY = "metrics_registry"


@blueprint.record_once
def _bind(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(cast(Collector, RequestMetrics(app)))
    if cast(Settings, app.extensions["settings"]).queue_enabled:
        registry.register(cast(Collector, QueueMetrics(app.extensions["engine"])))
    app.extensions[_REGISTRY] = registry


@blueprint.get("/metrics")
@limiter.exempt
def metrics() -> Response:
    """Everything that is measured, in the form the scraper asks for. 401 without the token when there is one."""
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
    """Return the pattern of the address instead of the address; one word for all unknown addresses."""
    return asked.url_rule.rule if asked.url_rule else "none"


def _leave_out() -> None:
    """Return whether the request is left out: health checks, and unknown methods."""
    if request.path in _UNCOUNTED or request.method not in _METHODS:
        request.prom_do_not_track = True  # type: ignore[attr-defined] # as the exporter's decorator does
