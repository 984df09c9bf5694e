"""`/api/v1/auth`: bearer tokens for programs."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, request
from flask_babel import gettext
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from marshmallow import Schema, fields, validate

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.shared.access import signed_in, signed_in_user, unauthorized
from gnb.blueprints.shared.extensions import csrf, jwt
from gnb.blueprints.shared.rate_limits import count_failure, limit_sign_in
from gnb.extensions import db
from gnb.messages import LocalizedSchema
from gnb.models import User
from gnb.services.accounts import authentication, tokens
from gnb.services.accounts.passwords import MAXIMUM_LENGTH

blueprint = ApiBlueprint(
    "auth-api", __name__, url_prefix="/api/v1/auth", description="Bearer tokens", read=None, change=None
)

_PRINTABLE = validate.Regexp(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z", error="Contains control characters.")
_ENCODABLE = validate.Regexp(r"[^\x00\ud800-\udfff]+\Z", error="Contains invalid characters.")


class Credentials(LocalizedSchema):
    """The credentials of an account."""

    email = fields.String(required=True, validate=[validate.Length(1, 254), _PRINTABLE])
    password = fields.String(required=True, validate=[validate.Length(1, MAXIMUM_LENGTH), _ENCODABLE])


class Account(Schema):
    """The account that signed in."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    language = fields.String(required=True)


class Token(LocalizedSchema):
    """A bearer token, to be sent as `Authorization: Bearer …`."""

    accessToken = fields.String(required=True)
    tokenType = fields.String(required=True)
    expiresIn = fields.Integer(required=True, metadata={"description": "Seconds."})
    user = fields.Nested(Account, required=True)


@blueprint.endpoint("POST", "/login", Token, body=Credentials, errors=(401,), message="Signed in.")
@csrf.exempt
@limit_sign_in
def login(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign in by e-mail and password."""
    try:
        user = authentication.authenticate(credentials["email"], credentials["password"], kind="token")
    except authentication.SignInRefused:
        count_failure()
        abort(401, gettext("Incorrect email or password."))
    lifetime = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    token = tokens.issue(user, source=request.remote_addr or "unknown")
    db.session.commit()
    return {
        "accessToken": token,
        "tokenType": "Bearer",
        "expiresIn": int(lifetime.total_seconds()),
        "user": user,
    }


@blueprint.endpoint("POST", "/logout", None, errors=(401,), message="Token revoked.")
def logout() -> None:
    """End the bearer token that this request carries."""
    verify_jwt_in_request()
    tokens.revoke_claims(get_jwt(), signed_in_user())
    db.session.commit()


@blueprint.endpoint("GET", "/me", Account, errors=(401,), message="Your account.")
@signed_in
def me() -> User:
    """The account that is asking."""
    return signed_in_user()


def bind() -> None:
    """Have applications read its tokens this way."""
    jwt.user_lookup_loader(_holder)
    jwt.token_in_blocklist_loader(_is_revoked)
    jwt.unauthorized_loader(lambda _reason: unauthorized(gettext("Send a token as `Authorization: Bearer …`.")))
    jwt.invalid_token_loader(lambda _reason: unauthorized(gettext("The token is invalid.")))
    jwt.expired_token_loader(lambda _header, _claims: unauthorized(gettext("The token has expired.")))
    jwt.revoked_token_loader(lambda _header, _claims: unauthorized(gettext("The token has been revoked.")))
    jwt.user_lookup_error_loader(_gone)
    jwt.token_verification_failed_loader(_gone)


def _holder(_header: dict[str, Any], claims: dict[str, Any]) -> User | None:
    return tokens.holder(claims)


def _is_revoked(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
    return tokens.is_revoked(str(claims["jti"]))


def _gone(_header: dict[str, Any], _claims: dict[str, Any]) -> Response:
    message = gettext("The token is no longer valid: its account is closed or its password has changed.")
    return unauthorized(message)
