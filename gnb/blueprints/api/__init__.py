"""The API under `/api/v1`, and its documentation at `/api/docs`."""

from flask import Blueprint, Flask, render_template

from gnb.blueprints.api import bookings, exports, insights, jobs, queues, schedules, tours
from gnb.blueprints.shared.extensions import api

docs = Blueprint("docs", __name__, url_prefix="/api/docs")


@docs.get("")
def page() -> str:
    """Show the OpenAPI document as a page; its script reads `/api/openapi.json`."""
    return render_template("api/docs.html")


def register(app: Flask) -> None:
    """Register the endpoints of the API and the page that describes them."""
    for blueprint in (
        queues.blueprint,
        jobs.workers_blueprint,
        exports.blueprint,
        schedules.blueprint,
        insights.blueprint,
        tours.blueprint,
        bookings.blueprint,
        bookings.public_bookings,
        bookings.transfers_blueprint,
    ):
        api.register_blueprint(blueprint)
    app.register_blueprint(docs)
