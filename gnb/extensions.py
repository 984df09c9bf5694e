"""The extensions of the application that every process needs; those that serve requests are in
`gnb.blueprints.shared.extensions`. Created here, bound to the application in create_app."""

from typing import TYPE_CHECKING, cast

from flask import current_app
from flask_babel import Babel
from flask_migrate import Migrate

from gnb.config import Settings
from gnb.models.base import db

if TYPE_CHECKING:
    from gnb.queueing import Engine

__all__ = ["babel", "db", "engine", "migrate", "settings"]

migrate = Migrate(render_as_batch=True, compare_type=True)
babel = Babel()


def settings() -> Settings:
    """Return the settings of the current application."""
    return cast(Settings, current_app.extensions["settings"])


def engine() -> "Engine":
    """Return the job engine of the current application."""
    return cast("Engine", current_app.extensions["engine"])
