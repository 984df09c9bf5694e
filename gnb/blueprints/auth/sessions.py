"""Sessions: a signed cookie that names the account, its password's version and itself.

A cookie cannot be revoked, so signing out records the session's id as revoked until the session would have reached its
absolute lifetime. A copy of the cookie is worth nothing from then on, however often it was renewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import session
from flask_login import current_user, login_user, logout_user

from gnb.blueprints.shared.access import ask_to_sign_in
from gnb.blueprints.shared.extensions import login_manager
from gnb.blueprints.shared.rate_limits import remember_device
from gnb.extensions import db
from gnb.models import User, now
from gnb.services.accounts import tokens

ABSOLUTE_LIFETIME = timedelta(days=7)
"""A session ends this long after sign-in, even in constant use; unused, it ends after PERMANENT_SESSION_LIFETIME."""


def bind() -> None:
    """Have applications read its sessions this way."""
    login_manager.user_loader(_load)
    login_manager.unauthorized_handler(ask_to_sign_in)


def begin(user: User) -> None:
    """Start the caller's session as this account; whatever the cookie held before is gone."""
    session.clear()
    session.permanent = True
    session["sid"] = str(uuid4())
    session["started_at"] = int(now().timestamp())
    login_user(user)
    remember_device(user.email)


def end() -> bool:
    """End the caller's session for good; whether there was one to end."""
    if not current_user.is_authenticated:
        return False
    tokens.revoke(session["sid"], current_user, _expires_at(session))
    db.session.commit()
    logout_user()
    session.clear()
    return True


def _load(key: str) -> User | None:
    """Return the account of a session's key `<id>:<version>`; clear a session that is no longer valid."""
    user_id, _, version = key.partition(":")
    sid = session.get("sid")
    expired = _expires_at(session) <= now()
    user = None
    if user_id.isdigit() and version.isdigit() and sid and not expired and not tokens.is_revoked(sid):
        user = tokens.holder({"sub": user_id, "ver": int(version)})
    if user is None:
        session.clear()
    return user


def _expires_at(values: Mapping[str, Any]) -> datetime:
    """Return when the session reaches its absolute lifetime; one without a start has reached it."""
    return datetime.fromtimestamp(values.get("started_at", 0), UTC) + ABSOLUTE_LIFETIME
