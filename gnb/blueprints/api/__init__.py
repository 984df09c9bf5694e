"""The API under `/api/v1`, and its documentation at `/api/docs`."""

from flask import Blueprint, Flask, Response, current_app, render_template, request

from gnb.blueprints.api import bookings, exports, insights, jobs, queues, tours
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
        queues.schedules_blueprint,
        insights.blueprint,
        tours.blueprint,
        bookings.blueprint,
        bookings.public_bookings,
        bookings.transfers_blueprint,
    ):
        api.register_blueprint(blueprint)
    app.register_blueprint(docs)
    app.after_request(_allow_documented_methods)


def _allow_documented_methods(response: Response) -> Response:
    """Have OPTIONS list the methods that the document has for the path, and not those of other paths that match too.

    `/email/pause` also matches `/<queue>/<job_id>`, of a job with the id `pause`.
    """
    rule = request.url_rule
    if request.method == "OPTIONS" and rule and rule.rule.startswith("/api/"):
        alike = (each.methods or () for each in current_app.url_map.iter_rules() if each.rule == rule.rule)
        response.headers["Allow"] = ", ".join(sorted(set().union(*alike)))
    return response
