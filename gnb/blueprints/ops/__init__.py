"""For those who run the application: is it up, is it ready."""

from flask import Blueprint

blueprint = Blueprint("ops", __name__)

from gnb.blueprints.ops import health  # noqa: E402, F401 - adds its routes to the blueprint
