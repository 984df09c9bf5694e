"""Bearer tokens and sessions: issue, verify and revoke."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from flask_jwt_extended import create_access_token, decode_token

from gnb.extensions import db
from gnb.models import IssuedToken, RevokedToken, User, execute_count, now

LONGEST_LIFETIME = timedelta(days=366)
MOST_LISTED = 100


def issue(user: User, lifetime: timedelta | None = None, source: str = "") -> str:
    """Return a bearer token for the account, valid for `lifetime` (1 hour by default) or until its password changes.

    Args:
        source: Lists the token as issued to this address or command; the caller commits.

    Raises:
        ValueError: The lifetime is not positive, or longer than a year.
    """
    if lifetime is not None and not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise ValueError(f"a token lives from 1 second to {LONGEST_LIFETIME.days} days")
    claims = {"ver": user.token_version}
    token = (
        create_access_token(str(user.id), additional_claims=claims)
        if lifetime is None
        else create_access_token(str(user.id), additional_claims=claims, expires_delta=lifetime)
    )
    if source:
        read = decode_token(cast(str, token))
        expires = datetime.fromtimestamp(read["exp"], UTC)
        listed = IssuedToken(
            jti=read["jti"], user_id=user.id, version=user.token_version, source=source, expires_at=expires
        )
        db.session.add(listed)
    return cast(str, token)


def valid_tokens(user: User) -> list[IssuedToken]:
    """Return the account's listed tokens that are still good, the newest first."""
    query = (
        sa.select(IssuedToken)
        .where(
            IssuedToken.user_id == user.id,
            IssuedToken.version == user.token_version,
            IssuedToken.expires_at > now(),
            IssuedToken.jti.not_in(sa.select(RevokedToken.jti)),
        )
        .order_by(IssuedToken.issued_at.desc())
        .limit(MOST_LISTED)
    )
    return list(db.session.scalars(query)) if user.active else []


def holder(claims: Mapping[str, Any]) -> User | None:
    """Return the account of a token with these claims, or None if it is inactive or its password has changed."""
    user_id = str(claims.get("sub", ""))
    if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 10):
        return None
    user = db.session.get(User, int(user_id))
    return user if user and user.active and user.token_version == claims.get("ver") else None


def revoke(jti: str, user: User, expires_at: datetime) -> None:
    """Revoke a token or session; the row is deleted after it would have expired anyway. Idempotent."""
    if not is_revoked(jti):
        db.session.add(RevokedToken(jti=jti, user_id=user.id, expires_at=expires_at))


def revoke_claims(claims: Mapping[str, Any], user: User) -> None:
    """Revoke the bearer token with these claims."""
    revoke(str(claims["jti"]), user, datetime.fromtimestamp(claims["exp"], UTC))


def is_revoked(jti: str) -> bool:
    """Return whether the token or session with this id was revoked."""
    return db.session.get(RevokedToken, jti) is not None


def delete_expired(before: datetime | None = None) -> int:
    """Delete the rows of tokens that have expired and return their number."""
    return sum(
        execute_count(sa.delete(table).where(table.expires_at < (before or now())))
        for table in (RevokedToken, IssuedToken)
    )
