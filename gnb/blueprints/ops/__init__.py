"""For those who run the application: is it up, is it ready, how does it do."""

from flask import Blueprint

blueprint = Blueprint("ops", __name__)

from gnb.blueprints.ops import health, metrics  # noqa: E402, F401 - they add their routes to the blueprint
