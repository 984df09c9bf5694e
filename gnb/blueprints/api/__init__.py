"""The API under `/api/v1/admin`, and its documentation at `/api/docs`."""

from flask import Flask

# job_changes and queue_changes add to the blueprint of jobs.
from gnb.blueprints.api import docs, exports, insights, job_changes, jobs, queue_changes, schedules, workers  # noqa: F401
from gnb.extensions import api


def register(app: Flask) -> None:
    """Give the application the endpoints of the API and the page that describes them."""
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for part in (jobs, workers, exports, schedules, insights):
        api.register_blueprint(part.blueprint)
    app.register_blueprint(docs.blueprint)
