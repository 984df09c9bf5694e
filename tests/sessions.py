"""Browsers in which somebody has signed in."""

from flask import session
from flask.testing import FlaskClient

from gnb.blueprints.auth.pages import begin_session
from gnb.models import User


def sign_in(client: FlaskClient, user: User) -> None:
    """Give the browser the session that the sign-in page would begin."""
    with client.application.test_request_context():
        begin_session(user)
        contents = dict(session)
    with client.session_transaction() as kept:
        kept.update(contents)
