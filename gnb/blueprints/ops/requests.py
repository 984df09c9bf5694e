"""The Flask exporter's metrics of requests, with labels that no visitor can multiply."""

import os
from collections.abc import Iterator

from flask import Flask, Request, request
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_flask_exporter import PrometheusMetrics

from gnb.services.web_processes import FOLDER

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
        """The metrics at this moment."""
        if FOLDER not in os.environ:
            yield from self._own.collect()
            return
        yield from MultiProcessCollector(CollectorRegistry()).collect()


def url_rule(asked: Request) -> str:
    """The pattern of the address rather than the address; one word for all that there is not."""
    return asked.url_rule.rule if asked.url_rule else "none"


def _leave_out() -> None:
    """Not counted: who looks whether we are well, and methods that somebody has made up."""
    if request.path in _UNCOUNTED or request.method not in _METHODS:
        request.prom_do_not_track = True  # type: ignore[attr-defined] # as the exporter's decorator does
