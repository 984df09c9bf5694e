"""`/api/v1/auth`: bearer tokens for programs."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from gnb.blueprints.access import signed_in, signed_in_user
from gnb.blueprints.auth.throttle import count_failure, throttled
from gnb.extensions import csrf, db
from gnb.models import User
from gnb.services import auth_service, token_service
from gnb.services.passwords import MAXIMUM_LENGTH

blueprint = Blueprint("auth-api", __name__, url_prefix="/api/v1/auth", description="Bearer tokens")

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


class TokenAnswer(Schema):
    """The answer to a sign-in."""

    success = fields.Boolean(required=True)
    data = fields.Nested(Token, required=True)
    message = fields.String(required=True)


class AccountAnswer(Schema):
    """The answer to the question who one is."""

    success = fields.Boolean(required=True)
    data = fields.Nested(Account, required=True)
    message = fields.String(required=True)


class SignedOut(Schema):
    """The answer to a sign-out."""

    success = fields.Boolean(required=True)
    data = fields.Raw(required=True, allow_none=True)
    message = fields.String(required=True)


@blueprint.route("/login", methods=["POST"])
@csrf.exempt
@throttled
@blueprint.arguments(Credentials)
@blueprint.response(200, TokenAnswer)
@blueprint.alt_response(401, description="Wrong address or password")
@blueprint.alt_response(429, description="Too many sign-ins have failed")
def login(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign in by e-mail and password."""
    try:
        user = auth_service.authenticate(credentials["email"], credentials["password"], kind="token")
    except auth_service.SignInRefused:
        count_failure()
        abort(401, "E-mail or password is not right.")
    lifetime = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    token = {
        "accessToken": token_service.issue(user),
        "tokenType": "Bearer",
        "expiresIn": int(lifetime.total_seconds()),
        "user": user,
    }
    return {"success": True, "data": token, "message": "Signed in."}


@blueprint.route("/logout", methods=["POST"])
@blueprint.response(200, SignedOut)
@blueprint.alt_response(401, description="No valid token")
def logout() -> dict[str, Any]:
    """End the bearer token that this request carries."""
    verify_jwt_in_request()
    token_service.revoke_claims(get_jwt(), signed_in_user())
    db.session.commit()
    return {"success": True, "data": None, "message": "The token is ended."}


@blueprint.route("/me", methods=["GET"])
@signed_in
@blueprint.response(200, AccountAnswer)
@blueprint.alt_response(401, description="No valid token or session")
def me() -> dict[str, Any]:
    """The account that is asking."""
    user: User = signed_in_user()
    return {"success": True, "data": user, "message": "This is you."}
