"""`/api/v1/auth`: bearer tokens for programs."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from marshmallow import Schema, fields, validate

from gnb.blueprints.access import signed_in, signed_in_user
from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.auth.throttle import count_failure, throttled
from gnb.extensions import csrf, db
from gnb.models import User
from gnb.services.accounts import authentication, tokens
from gnb.services.accounts.passwords import MAXIMUM_LENGTH

blueprint = ApiBlueprint(
    "auth-api", __name__, url_prefix="/api/v1/auth", description="Bearer tokens", read=None, change=None
)

_PRINTABLE = validate.Regexp(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z", error="Holds characters that no address has.")
_ENCODABLE = validate.Regexp(r"[^\x00\ud800-\udfff]+\Z", error="Holds characters that no keyboard types.")


class Credentials(Schema):
    """Who signs in."""

    email = fields.String(required=True, validate=[validate.Length(1, 254), _PRINTABLE])
    password = fields.String(required=True, validate=[validate.Length(1, MAXIMUM_LENGTH), _ENCODABLE])


class Account(Schema):
    """The account that signed in."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    language = fields.String(required=True)


class Token(Schema):
    """A bearer token, to be sent as `Authorization: Bearer …`."""

    accessToken = fields.String(required=True)
    tokenType = fields.String(required=True)
    expiresIn = fields.Integer(required=True, metadata={"description": "Seconds."})
    user = fields.Nested(Account, required=True)


@blueprint.endpoint("POST", "/login", Token, body=Credentials, errors=(401,), message="Signed in.")
@csrf.exempt
@throttled
def login(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign in by e-mail and password."""
    try:
        user = authentication.authenticate(credentials["email"], credentials["password"], kind="token")
    except authentication.SignInRefused:
        count_failure()
        abort(401, "E-mail or password is not right.")
    lifetime = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    return {
        "accessToken": tokens.issue(user),
        "tokenType": "Bearer",
        "expiresIn": int(lifetime.total_seconds()),
        "user": user,
    }


@blueprint.endpoint("POST", "/logout", None, errors=(401,), message="The token is ended.")
def logout() -> None:
    """End the bearer token that this request carries."""
    verify_jwt_in_request()
    tokens.revoke_claims(get_jwt(), signed_in_user())
    db.session.commit()


@blueprint.endpoint("GET", "/me", Account, errors=(401,), message="This is you.")
@signed_in
def me() -> User:
    """The account that is asking."""
    return signed_in_user()
