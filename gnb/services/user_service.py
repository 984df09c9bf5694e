"""Accounts as an administrator handles them."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email

from gnb.extensions import db
from gnb.models import ROLES, User, normalize_email
from gnb.services import audit_service, passwords

__all__ = ["InvalidAccount", "UserExists", "UserNotFound", "create_admin", "find", "new_password", "set_role"]


class UserNotFound(LookupError):
    """No account has this address."""


class UserExists(Exception):
    """An account has this address already."""


class InvalidAccount(ValueError):
    """An address, role or password that cannot be; the text says which."""


def find(email: str) -> User:
    """The account of this address. Raises UserNotFound."""
    user = db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))
    if user is None:
        raise UserNotFound(f"no account has the address {email}")
    return user


def create_admin(email: str, name: str, password: str, role: str = "admin") -> User:
    """A new administrator, committed. Raises InvalidAccount, UserExists."""
    try:
        email = validate_email(email, check_deliverability=False, test_environment=True).normalized
        passwords.check_strength(password, email)
    except (EmailNotValidError, passwords.WeakPassword) as error:
        raise InvalidAccount(str(error)) from error
    if db.session.scalar(sa.select(User.id).where(User.email == normalize_email(email))):
        raise UserExists(f"an account has the address {email} already")
    user = User(email=email, name=name, role=role, password_hash=passwords.hash_password(password))
    db.session.add(user)
    db.session.flush()
    audit_service.record(None, "user.create", f"user/{user.id}", details={"role": role})
    db.session.commit()
    return user


def set_role(email: str, role: str, actor: User | None = None) -> User:
    """Give the account another role, committed; its sessions and tokens follow at once. Raises UserNotFound,
    InvalidAccount."""
    if role not in ROLES:
        raise InvalidAccount(f"a role is one of {', '.join(ROLES)}, not {role!r}")
    user = find(email)
    before, user.role = user.role, role
    audit_service.record(actor, "user.set-role", f"user/{user.id}", details={"from": before, "to": role})
    db.session.commit()
    return user


def new_password() -> str:
    """A password nobody has to think of: 96 random bits in 16 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(12)
