"""The API under `/api/v1`, and its documentation at `/api/docs`."""

from flask import Flask

# job_changes and queue_changes add to the blueprint of jobs.
from gnb.blueprints.api import (
    bookings,
    docs,
    exports,
    insights,
    job_changes,  # noqa: F401
    jobs,
    queue_changes,  # noqa: F401
    schedules,
    tours,
    workers,
)
from gnb.extensions import api


def register(app: Flask) -> None:
    """Give the application the endpoints of the API and the page that describes them."""
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for part in (jobs, workers, exports, schedules, insights, tours, bookings):
        api.register_blueprint(part.blueprint)
    api.register_blueprint(bookings.counter)
    app.register_blueprint(docs.blueprint)
