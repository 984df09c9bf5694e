"""Accounts: `/login`, `/register` and the like for people, `/api/v1/auth` for programs."""

from flask import Flask

from gnb.blueprints.auth import pages, rest
from gnb.blueprints.shared.extensions import api


def register(app: Flask) -> None:
    """Register the pages and endpoints for signing in, and load users from sessions and bearer tokens."""
    pages.bind_sessions()
    rest.bind()
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(pages.registration_blueprint)
    api.register_blueprint(rest.blueprint)
