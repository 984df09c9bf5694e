"""Bearer tokens and sessions: made, and ended before their time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from flask_jwt_extended import create_access_token

from gnb.extensions import db
from gnb.models import RevokedToken, User, now

LONGEST_LIFETIME = timedelta(days=366)


def issue(user: User, lifetime: timedelta | None = None) -> str:
    """A bearer token for the account: valid for `lifetime` (an hour unless said), or until its password changes.

    Raises ValueError for a lifetime that is none or beyond a year.
    """
    if lifetime is not None and not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise ValueError(f"a token lives from 1 second to {LONGEST_LIFETIME.days} days")
    claims = {"ver": user.token_version}
    token = (
        create_access_token(str(user.id), additional_claims=claims)
        if lifetime is None
        else create_access_token(str(user.id), additional_claims=claims, expires_delta=lifetime)
    )
    return cast(str, token)


def holder(claims: Mapping[str, Any]) -> User | None:
    """The account that a token with these claims stands for; None when it is closed or its password has changed."""
    user_id = str(claims.get("sub", ""))
    if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 10):
        return None
    user = db.session.get(User, int(user_id))
    return user if user and user.active and user.token_version == claims.get("ver") else None


def revoke(jti: str, user: User, expires_at: datetime) -> None:
    """End a token or session now; the row goes when it would have ended anyway. Twice is once."""
    if not is_revoked(jti):
        db.session.add(RevokedToken(jti=jti, user_id=user.id, expires_at=expires_at))


def revoke_claims(claims: Mapping[str, Any], user: User) -> None:
    """End the bearer token that has these claims."""
    revoke(str(claims["jti"]), user, datetime.fromtimestamp(claims["exp"], UTC))


def is_revoked(jti: str) -> bool:
    """Whether the token or session with this id was ended."""
    return db.session.get(RevokedToken, jti) is not None


def forget_expired(before: datetime | None = None) -> int:
    """Remove the rows of tokens that have expired; returns how many."""
    done = db.session.execute(sa.delete(RevokedToken).where(RevokedToken.expires_at < (before or now())))
    return cast("sa.CursorResult[Any]", done).rowcount
