"""Sign-in, registration, and changing or resetting a password.

The signal `sign_in_attempted` is sent after every attempt with `kind` ("session" or "token") and `success`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Delivery, User, execute_count, normalize_email, now
from gnb.services import audit
from gnb.services.accounts import passwords
from gnb.services.accounts.passwords import WeakPassword
from gnb.services.events import sign_in_attempted

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


class SignInRefused(Exception):
    """Wrong address, wrong password or inactive account; the caller does not learn which."""


class EmailTaken(Exception):
    """An account with this address exists."""


@dataclass(frozen=True)
class Registration:
    """The data of a requested account; only the owner of the mailbox gets its token."""

    email: str
    name: str
    language: str


def authenticate(email: str, password: str, kind: str) -> User:
    """Return the account with this address and password.

    Raises:
        SignInRefused: There is none; raised after the same time in every case.
    """
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
    """Add a customer's account to the session, without committing. Raises WeakPassword or EmailTaken."""
    passwords.check_strength(password, email)
    if db.session.scalar(sa.select(User.id).where(User.email == normalize_email(email))):
        raise EmailTaken(email)
    user = User(email=email, name=name, phone=phone, language=language, password_hash=passwords.hash_password(password))
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:  # the second of two concurrent requests
        db.session.rollback()
        raise EmailTaken(email) from None
    return user


def registration_token(delivery_id: int) -> str:
    """Return the token of a registration mail, valid for a day; its holder has proven to own the address.

    It contains the id of the mail's row: addresses do not belong in URLs, which end up in histories and server logs.
    """
    return _serializer("registration").dumps(delivery_id)


def registration_of_token(token: str) -> Registration | None:
    """Return the registration that the token was created for, or None if it is expired or forged."""
    try:
        lifetime = int(REGISTRATION_TOKEN_LIFETIME.total_seconds())
        delivery_id = _serializer("registration").loads(token, max_age=lifetime)
    except BadData:
        return None
    asked = db.session.get(Delivery, delivery_id)
    return Registration(asked.recipient, asked.content["name"], asked.language) if asked else None


def change_password(user: User, current: str, new: str) -> None:
    """Change the password, which ends the account's other sessions and its tokens. Raises SignInRefused or
    WeakPassword."""
    if not passwords.verify(current, user.password_hash):
        raise SignInRefused
    if not _replace_password(user, new):
        raise SignInRefused
    audit.record(user, "user.change-password", f"user/{user.id}")
    db.session.commit()


def reset_token(user: User) -> str:
    """Return the token of a password reset mail, valid for an hour and until the password changes."""
    return _serializer("password-reset").dumps([user.id, user.token_version])


def user_of_reset_token(token: str) -> User | None:
    """Return the account of a reset token, or None if the token is used, expired or forged."""
    try:
        user_id, version = _serializer("password-reset").loads(token, max_age=int(RESET_TOKEN_LIFETIME.total_seconds()))
    except (BadData, ValueError, TypeError):
        return None
    user = db.session.get(User, user_id)
    return user if user and user.active and user.token_version == version else None


def reset_password(token: str, new: str) -> User:
    """Set a new password with a mailed token. Raises SignInRefused for an invalid token, WeakPassword."""
    user = user_of_reset_token(token)
    if user is None or not _replace_password(user, new):
        raise SignInRefused
    audit.record(user, "user.reset-password", f"user/{user.id}")
    db.session.commit()
    return user


def _replace_password(user: User, new: str) -> bool:
    """Set the password unless it was changed concurrently; return whether it was set."""
    passwords.check_strength(new, user.email)
    unchanged = sa.and_(User.id == user.id, User.token_version == user.token_version)
    values = {"password_hash": passwords.hash_password(new), "token_version": User.token_version + 1}
    changed = execute_count(sa.update(User).where(unchanged).values(**values))
    db.session.refresh(user)
    return changed == 1


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=purpose)
