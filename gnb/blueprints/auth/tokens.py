"""What a bearer token means, and the answers to tokens that are not good: 401 for each of them."""

from __future__ import annotations

from typing import Any

from flask import Response

from gnb.blueprints.access import unauthorized
from gnb.extensions import jwt
from gnb.models import User
from gnb.services.accounts import tokens


def bind() -> None:
    """Have applications read its tokens this way."""
    jwt.user_lookup_loader(_holder)
    jwt.token_in_blocklist_loader(_is_revoked)
    jwt.unauthorized_loader(lambda _reason: unauthorized("Send a token as `Authorization: Bearer …`."))
    jwt.invalid_token_loader(lambda _reason: unauthorized("The token is not one of ours."))
    jwt.expired_token_loader(lambda _header, _claims: unauthorized("The token has expired."))
    jwt.revoked_token_loader(lambda _header, _claims: unauthorized("The token was ended."))
    jwt.user_lookup_error_loader(_gone)
    jwt.token_verification_failed_loader(_gone)


def _holder(_header: dict[str, Any], claims: dict[str, Any]) -> User | None:
    return tokens.holder(claims)


def _is_revoked(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
    return tokens.is_revoked(str(claims["jti"]))


def _gone(_header: dict[str, Any], _claims: dict[str, Any]) -> Response:
    return unauthorized("The token's account is closed, or its password has changed.")
