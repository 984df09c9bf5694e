"""User accounts: opened and changed by their holders, created and assigned roles by administrators.

An account is opened, and a forgotten password replaced, only through a mailed link: only then has the holder proven
to own the address. Guest bookings under that address are assigned to the account at these two moments. An account that
merely has the address (created by an administrator, say) does not get anyone's guest bookings; see
docs/decisions/0021-accounts-are-opened-by-mail.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import aliased

from gnb.extensions import db
from gnb.messages import DomainError, as_message
from gnb.models import ADMIN_ROLES, ROLES, Booking, IssuedToken, User, execute_count, normalize_email
from gnb.services import audit, email_service
from gnb.services.accounts import authentication, passwords, tokens
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


def get(user_id: int) -> User:
    """Return the account with this id. Raises UserNotFound."""
    user = db.session.get(User, user_id) if user_id < 2**31 else None
    if user is None:
        raise UserNotFound("id", id=str(user_id))
    return user


def list_users(text: str = "", role: str | None = None, start: int = 0, end: int = 50) -> tuple[list[User], int]:
    """Return the accounts in [start, end) whose address or name has the text, the newest first, and their number."""
    conditions: list[sa.ColumnElement[bool]] = [User.role == role] if role else []
    if text:
        # SQLite knows capitals of English letters alone: the others are looked for in each form that a name may have.
        forms = {text, text.lower(), text.upper(), text.title()}
        by_name = [User.name.icontains(form, autoescape=True) for form in sorted(forms)]
        conditions.append(sa.or_(User.email.contains(normalize_email(text), autoescape=True), *by_name))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(User).where(*conditions)) or 0
    query = sa.select(User).where(*conditions).order_by(User.created_at.desc(), User.id.desc())
    return list(db.session.scalars(query.slice(start, end))), total


def set_role(email: str, role: str, actor: User | None = None) -> User:
    """Assign another role; sessions and tokens have it from their next request. Commits.

    Raises:
        UserNotFound: No account has the address.
        InvalidAccount: There is no such role, the actor may not give or take it, or it is the last administrator's.
    """
    if role not in ROLES:
        raise InvalidAccount("role", choices=ROLES, value=repr(role))
    user = find(email)
    _check_rank(user, actor, role)
    before = user.role
    _change(user, {"role": role}, keeps_admin=role in ADMIN_ROLES)
    audit.record(actor, "user.set-role", f"user/{user.id}", details={"from": before, "to": role})
    db.session.commit()
    return user


def set_active(user: User, active: bool, actor: User | None = None) -> None:
    """Disable or enable the account; disabling invalidates its sessions and tokens permanently. Commits.

    Raises InvalidAccount if the actor may not do that, or if it is the last administrator's.
    """
    _check_rank(user, actor)
    if user.active == active:
        return
    values = {"active": active} if active else {"active": False, "token_version": User.token_version + 1}
    _change(user, values, keeps_admin=active)
    audit.record(actor, "user.enable" if active else "user.disable", f"user/{user.id}")
    db.session.commit()


def sign_out_everywhere(user: User, actor: User | None = None) -> None:
    """End every session and token of the account. Commits. Raises InvalidAccount if the actor may not do that."""
    _check_rank(user, actor)
    _change(user, {"token_version": User.token_version + 1}, keeps_admin=True)
    audit.record(actor, "user.sign-out", f"user/{user.id}")
    db.session.commit()


def revoke_token(user: User, jti: str, actor: User) -> None:
    """Revoke one listed token of the account. Commits. Does nothing for one that is not listed."""
    _check_rank(user, actor)
    listed = db.session.get(IssuedToken, jti)
    if listed is None or listed.user_id != user.id:
        return
    tokens.revoke(jti, user, listed.expires_at)
    audit.record(actor, "user.revoke-token", f"user/{user.id}", details={"source": listed.source})
    db.session.commit()


def _check_rank(user: User, actor: User | None, role: str = "") -> None:
    """Raise InvalidAccount if a chief administrator is concerned and the actor is none; the command line may."""
    if actor and actor.role != "superadmin" and "superadmin" in (user.role, role):
        raise InvalidAccount("rank")


def _change(user: User, values: Mapping[str, Any], keeps_admin: bool) -> None:
    """Update the account, unless it is the last active administrator's and would not be one any more."""
    statement = sa.update(User).where(User.id == user.id)
    if user.is_admin and user.active and not keeps_admin:
        admins = sa.select(User.id).where(User.role.in_(ADMIN_ROLES), User.active.is_(True))
        # Two administrators who remove each other take turns: PostgreSQL by these locks, SQLite by its one writer.
        db.session.execute(admins.order_by(User.id).with_for_update()).all()
        other = aliased(User)
        others = sa.select(other.id).where(other.role.in_(ADMIN_ROLES), other.active.is_(True), other.id != user.id)
        statement = statement.where(others.exists())
    if not execute_count(statement.values(**values)):
        db.session.rollback()
        raise InvalidAccount("last_admin")
    db.session.refresh(user)


def new_password() -> str:
    """Return a random password: 96 bits in 16 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(12)
