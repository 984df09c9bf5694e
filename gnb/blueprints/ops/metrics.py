"""`/metrics`: what Prometheus scrapes. Behind METRICS_TOKEN when that is set."""

import hmac
from typing import cast

from flask import Flask, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from gnb.blueprints.ops import blueprint
from gnb.blueprints.ops.measured import QueueMetrics
from gnb.blueprints.ops.requests import RequestMetrics
from gnb.config import Settings
from gnb.extensions import limiter, settings

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
