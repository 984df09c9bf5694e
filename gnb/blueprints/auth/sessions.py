"""Sessions: a signed cookie that names the account, its password's version and itself.

Cookies cannot be taken back, so signing out writes the session's own id down as ended: a copy of the cookie made before
is worth nothing after.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from flask import current_app, session
from flask_login import current_user, login_user, logout_user

from gnb.blueprints.access import ask_to_sign_in
from gnb.extensions import db, login_manager
from gnb.models import User, now
from gnb.services.accounts import tokens


def bind() -> None:
    """Have applications read its sessions this way."""
    login_manager.user_loader(_load)
    login_manager.unauthorized_handler(ask_to_sign_in)


def begin(user: User) -> None:
    """Start the caller's session as this account; whatever the cookie held before is gone."""
    session.clear()
    session.permanent = True
    session["sid"] = str(uuid4())
    login_user(user)


def end() -> bool:
    """End the caller's session for good; whether there was one to end."""
    if not current_user.is_authenticated:
        return False
    lifetime: timedelta = current_app.permanent_session_lifetime
    tokens.revoke(session["sid"], current_user, now() + lifetime)
    db.session.commit()
    logout_user()
    session.clear()
    return True


def _load(key: str) -> User | None:
    """The account of a session's key `<id>:<version>`, None when the session is no longer good."""
    user_id, _, version = key.partition(":")
    sid = session.get("sid")
    if not (user_id.isdigit() and version.isdigit() and sid) or tokens.is_revoked(sid):
        return None
    return tokens.holder({"sub": user_id, "ver": int(version)})
