"""The API under `/api/v1/admin`, and its documentation at `/api/docs`."""

from importlib import import_module

from flask import Flask

from gnb.blueprints.api import docs, job_changes, queue_changes  # noqa: F401 - they add to the jobs' blueprint
from gnb.extensions import api

PARTS = ("jobs", "workers", "exports", "schedules")


def register(app: Flask) -> None:
    """Give the application the endpoints of the API and the page that describes them."""
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for name in PARTS:
        try:
            part = import_module(f"gnb.blueprints.api.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"gnb.blueprints.api.{name}":
                raise
            continue
        api.register_blueprint(part.blueprint)
    app.register_blueprint(docs.blueprint)
