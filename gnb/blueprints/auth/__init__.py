"""Accounts: `/login`, `/register` and the like for people, `/api/v1/auth` for programs."""

from flask import Flask

from gnb.blueprints.auth import pages, registration, rest, sessions
from gnb.blueprints.shared.extensions import api


def register(app: Flask) -> None:
    """Register the pages and endpoints for signing in, and load users from sessions and bearer tokens."""
    sessions.bind()
    rest.bind()
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(registration.blueprint)
    api.register_blueprint(rest.blueprint)
