"""Signing in, and the passwords that it takes.

`sign_in_attempted` is sent after every attempt with `kind` ("session" or "token") and `success`, for whoever counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from blinker import Namespace
from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Delivery, User, normalize_email, now
from gnb.services import audit_service, passwords
from gnb.services.passwords import WeakPassword

__all__ = [
    "EmailTaken",
    "Registration",
    "SignInRefused",
    "WeakPassword",
    "authenticate",
    "change_password",
    "register",
    "registration_of_token",
    "registration_token",
    "reset_password",
    "reset_token",
    "sign_in_attempted",
]

RESET_TOKEN_LIFETIME = timedelta(hours=1)
REGISTRATION_TOKEN_LIFETIME = timedelta(days=1)

sign_in_attempted = Namespace().signal("sign-in-attempted")


class SignInRefused(Exception):
    """Wrong address, wrong password or a closed account: the caller is not told which."""


class EmailTaken(Exception):
    """There is an account with this address."""


@dataclass(frozen=True)
class Registration:
    """What somebody typed who wants an account; whoever holds its token reads the address's mail."""

    email: str
    name: str
    language: str


def authenticate(email: str, password: str, kind: str) -> User:
    """The account of this address and password. Raises SignInRefused, after the same time in every case."""
    user = db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))
    right = passwords.verify(password, user.password_hash if user else None)
    if user is None or not right or not user.active:
        sign_in_attempted.send(current_app, kind=kind, success=False)
        raise SignInRefused
    if passwords.is_outdated(user.password_hash or ""):
        user.password_hash = passwords.hash_password(password)
    user.last_login_at = now()
    db.session.commit()
    sign_in_attempted.send(current_app, kind=kind, success=True)
    return user


def register(email: str, name: str, password: str, language: str, phone: str | None = None) -> User:
    """A new customer's account, not yet committed. Raises WeakPassword, EmailTaken."""
    passwords.check_strength(password, email)
    if db.session.scalar(sa.select(User.id).where(User.email == normalize_email(email))):
        raise EmailTaken(email)
    user = User(email=email, name=name, phone=phone, language=language, password_hash=passwords.hash_password(password))
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:  # of two at once, the second
        db.session.rollback()
        raise EmailTaken(email) from None
    return user


def registration_token(delivery_id: int) -> str:
    """What the mail to somebody new carries: whoever has it owns the address, for a day.

    It names the mail's row: an address has no business in a URL, which stands in histories and in servers' logs.
    """
    return _serializer("registration").dumps(delivery_id)


def registration_of_token(token: str) -> Registration | None:
    """What was typed when the token was asked for, None when it is old or made up."""
    try:
        lifetime = int(REGISTRATION_TOKEN_LIFETIME.total_seconds())
        delivery_id = _serializer("registration").loads(token, max_age=lifetime)
    except BadData:
        return None
    asked = db.session.get(Delivery, delivery_id)
    return Registration(asked.recipient, asked.content["name"], asked.language) if asked else None


def change_password(user: User, current: str, new: str) -> None:
    """Give the account a new password; its other sessions and its tokens end. Raises SignInRefused, WeakPassword."""
    if not passwords.verify(current, user.password_hash):
        raise SignInRefused
    if not _replace_password(user, new):
        raise SignInRefused
    audit_service.record(user, "user.change-password", f"user/{user.id}")
    db.session.commit()


def reset_token(user: User) -> str:
    """What the mail of a forgotten password carries: works once, for an hour, until the password changes."""
    return _serializer("password-reset").dumps([user.id, user.token_version])


def user_of_reset_token(token: str) -> User | None:
    """The account that may set a new password with this token, None when it is used, old or made up."""
    try:
        user_id, version = _serializer("password-reset").loads(token, max_age=int(RESET_TOKEN_LIFETIME.total_seconds()))
    except (BadData, ValueError, TypeError):
        return None
    user = db.session.get(User, user_id)
    return user if user and user.active and user.token_version == version else None


def reset_password(token: str, new: str) -> User:
    """Set a new password by the mailed token. Raises SignInRefused for a token that does not hold, WeakPassword."""
    user = user_of_reset_token(token)
    if user is None or not _replace_password(user, new):
        raise SignInRefused
    audit_service.record(user, "user.reset-password", f"user/{user.id}")
    db.session.commit()
    return user


def _replace_password(user: User, new: str) -> bool:
    """Set the password unless somebody else did meanwhile: of two changes at once, one is told no."""
    passwords.check_strength(new, user.email)
    changed = db.session.execute(
        sa.update(User)
        .where(User.id == user.id, User.token_version == user.token_version)
        .values(password_hash=passwords.hash_password(new), token_version=User.token_version + 1)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(user)
    return cast("sa.CursorResult[Any]", changed).rowcount == 1


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=purpose)
