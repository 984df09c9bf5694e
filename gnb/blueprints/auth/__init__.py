"""Accounts: `/login`, `/register` and the like for people, `/api/v1/auth` for programs."""

from flask import Flask

from gnb.blueprints.auth import by_mail, pages, rest, sessions, tokens
from gnb.extensions import api


def register(app: Flask) -> None:
    """Give the application its pages and endpoints for signing in, and the meaning of its sessions and tokens."""
    sessions.bind()
    tokens.bind()
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(by_mail.blueprint)
    api.register_blueprint(rest.blueprint)
