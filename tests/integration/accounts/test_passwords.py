"""What the service of accounts does for its callers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db
from gnb.models import User
from gnb.services.accounts import authentication, passwords
from tests.integration.accounts.conftest import PASSWORD, token_of
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_a_mailed_token_sets_a_new_password_once(app: Flask, people: dict[str, User]) -> None:
    token = authentication.reset_token(people["user"])
    authentication.reset_password(token, "another password 7")
    assert authentication.authenticate("user@example.com", "another password 7", kind="session")
    with pytest.raises(authentication.SignInRefused):
        authentication.reset_password(token, "a third password 9")


@pytest.mark.parametrize("token", ["", "made up", "a.b.c", "[1,1].x.y"])
def test_a_reset_token_that_is_made_up_is_refused(app: Flask, people: dict[str, User], token: str) -> None:
    assert authentication.user_of_reset_token(token) is None


def test_a_hash_of_older_figures_is_renewed_at_the_next_sign_in(client: FlaskClient, people: dict[str, User]) -> None:
    from argon2 import PasswordHasher

    people["admin"].password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    db.session.commit()
    token_of(client)
    db.session.refresh(people["admin"])
    assert not passwords.is_outdated(people["admin"].password_hash or "")
