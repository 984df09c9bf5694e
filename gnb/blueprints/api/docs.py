"""`/api/docs`: the OpenAPI document as a page, from files of our own."""

from flask import Blueprint, render_template

blueprint = Blueprint("docs", __name__, url_prefix="/api/docs")


@blueprint.get("")
def page() -> str:
    """The page; its script reads `/api/openapi.json`."""
    return render_template("api/docs.html")
