"""The front door: whoever comes to the bare address is led to the overview, or to signing in."""

from flask import Blueprint, redirect, url_for
from werkzeug import Response

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def page() -> Response:
    """A redirect to the overview."""
    return redirect(url_for("admin.overview"))
