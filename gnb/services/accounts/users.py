"""User accounts: opened and changed by their holders, created and assigned roles by administrators.

An account is opened, and a forgotten password replaced, only through a mailed link: only then has the holder proven
to own the address. Guest bookings under that address are assigned to the account at these two moments. An account that
merely has the address (created by an administrator, say) does not get anyone's guest bookings; see
docs/decisions/0021-accounts-are-opened-by-mail.md.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email

from gnb.extensions import db
from gnb.messages import DomainError, as_message
from gnb.models import ROLES, Booking, User, normalize_email
from gnb.services import audit, email_service
from gnb.services.accounts import authentication, passwords
from gnb.services.mail import recipients

__all__ = ["open_account", "request_account", "request_password_reset", "reset_password", "save_settings"]


def request_account(email: str, name: str, language: str) -> None:
    """Mail a link that opens an account, or a notice if there is one already. Commits.

    The caller does not learn which, and both take the same time. Raises InvalidMessage for an invalid address.
    """
    if user := _account(email):
        email_service.plan_account_exists(user)
    else:
        email_service.plan_registration(email, name, language)
    db.session.commit()


def open_account(token: str, password: str) -> User:
    """Create the account of a mailed link. Commits.

    Raises:
        SignInRefused: The token is invalid or expired.
        WeakPassword: The password is rejected.
        EmailTaken: The link was used already.
    """
    wanted = authentication.registration_of_token(token)
    if wanted is None:
        raise authentication.SignInRefused
    user = authentication.register(wanted.email, wanted.name, password, wanted.language)
    _adopt_guest_bookings(user)
    audit.record(user, "user.register", f"user/{user.id}")
    db.session.commit()
    return user


def request_password_reset(email: str, language: str) -> None:
    """Mail a link that sets a new password, or a notice that there is no account. Commits.

    The caller does not learn which, and both take the same time. Raises InvalidMessage for an invalid address.
    """
    user = _account(email)
    if user and user.active:
        email_service.plan_password_reset(user)
    else:
        email_service.plan_no_account(email, language)
    db.session.commit()


def reset_password(token: str, new: str) -> User:
    """Set a new password with a mailed link. Commits. Raises SignInRefused for an invalid token, WeakPassword."""
    user = authentication.reset_password(token, new)
    _adopt_guest_bookings(user)
    db.session.commit()
    return user


def save_settings(user: User, name: str, phone: str | None, language: str, campaigns: bool) -> None:
    """Save the account holder's settings. Commits."""
    user.name, user.phone, user.language = name, phone, language
    recipients.set_campaigns(user.email, campaigns)
    db.session.commit()


def _account(email: str) -> User | None:
    return db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))


def _adopt_guest_bookings(user: User) -> None:
    guests = sa.update(Booking).where(Booking.user_id.is_(None), Booking.customer_email == user.email)
    db.session.execute(guests.values(user_id=user.id))


__all__ = ["InvalidAccount", "UserExists", "UserNotFound", "create_admin", "find", "new_password", "set_role"]


class UserNotFound(DomainError, LookupError):
    """No account has this address or id."""

    code = "user_not_found"


class UserExists(DomainError):
    """An account with this address exists."""

    code = "user_exists"


class InvalidAccount(DomainError, ValueError):
    """The address, role or password is invalid; the message says which."""

    code = "invalid_account"


def find(email: str) -> User:
    """Return the account with this address. Raises UserNotFound."""
    user = db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))
    if user is None:
        raise UserNotFound("email", email=email)
    return user


def create_admin(email: str, name: str, password: str, role: str = "admin") -> User:
    """Create an administrator. Commits. Raises InvalidAccount or UserExists."""
    try:
        email = validate_email(email, check_deliverability=False, test_environment=True).normalized
        passwords.check_strength(password, email)
    except (EmailNotValidError, passwords.WeakPassword) as error:
        raise InvalidAccount("password", what=as_message(error)) from error
    if db.session.scalar(sa.select(User.id).where(User.email == normalize_email(email))):
        raise UserExists(email=email)
    user = User(email=email, name=name, role=role, password_hash=passwords.hash_password(password))
    db.session.add(user)
    db.session.flush()
    audit.record(None, "user.create", f"user/{user.id}", details={"role": role})
    db.session.commit()
    return user


def set_role(email: str, role: str, actor: User | None = None) -> User:
    """Assign another role; sessions and tokens have it from their next request. Commits.

    Raises UserNotFound or InvalidAccount.
    """
    if role not in ROLES:
        raise InvalidAccount("role", choices=ROLES, value=repr(role))
    user = find(email)
    before, user.role = user.role, role
    audit.record(actor, "user.set-role", f"user/{user.id}", details={"from": before, "to": role})
    db.session.commit()
    return user


def new_password() -> str:
    """Return a random password: 96 bits in 16 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(12)
