"""Signing in and out: `/login` and `/logout` for people, `/api/v1/auth` for programs."""

from flask import Flask

from gnb.blueprints.auth import rest, sessions, tokens
from gnb.blueprints.auth.pages import blueprint
from gnb.extensions import api


def register(app: Flask) -> None:
    """Give the application its pages and endpoints for signing in, and the meaning of its sessions and tokens."""
    sessions.bind()
    tokens.bind()
    app.register_blueprint(blueprint)
    api.register_blueprint(rest.blueprint)
