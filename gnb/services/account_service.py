"""A customer's own account: opened by a link that was mailed, its settings, the bookings it takes over.

An account is opened, and a forgotten password replaced, only through the mailbox: at those two moments, and at no
other, its holder has proven that the address is theirs. Bookings made there as a guest become the account's then. An
account that merely bears the address (made by an administrator, say) sees nobody's guest bookings. The whole reason
stands in docs/decisions/0021-accounts-are-opened-by-mail.md.
"""

from __future__ import annotations

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Booking, User, normalize_email
from gnb.services import audit_service, auth_service, email_service
from gnb.services.mail import preferences

__all__ = ["ask_for_account", "ask_for_password", "open_account", "reset_password", "save_settings"]


def ask_for_account(email: str, name: str, language: str) -> None:
    """Mail the link that opens an account; if there is one already, a word that says so. Commits.

    The caller learns nothing of which it was, nor does it take longer. Raises InvalidMessage for a bad address.
    """
    if user := _account(email):
        email_service.plan_account_exists(user)
    else:
        email_service.plan_registration(email, name, language)
    db.session.commit()


def open_account(token: str, password: str) -> User:
    """The new account of a mailed link. Commits. Raises SignInRefused for a token that does not hold, WeakPassword,
    EmailTaken when it was used already."""
    wanted = auth_service.registration_of_token(token)
    if wanted is None:
        raise auth_service.SignInRefused
    user = auth_service.register(wanted.email, wanted.name, password, wanted.language)
    _adopt_guest_bookings(user)
    audit_service.record(user, "user.register", f"user/{user.id}")
    db.session.commit()
    return user


def ask_for_password(email: str, language: str) -> None:
    """Mail the link that sets a new password, or that there is no account to set it for. Commits.

    The caller learns nothing of which it was, nor does it take longer. Raises InvalidMessage for a bad address.
    """
    user = _account(email)
    if user and user.active:
        email_service.plan_password_reset(user)
    else:
        email_service.plan_no_account(email, language)
    db.session.commit()


def reset_password(token: str, new: str) -> User:
    """Set a new password by the mailed link. Commits. Raises SignInRefused for one that does not hold, WeakPassword."""
    user = auth_service.reset_password(token, new)
    _adopt_guest_bookings(user)
    db.session.commit()
    return user


def save_settings(user: User, name: str, phone: str | None, language: str, campaigns: bool) -> None:
    """Write down what the holder has changed. Commits."""
    user.name, user.phone, user.language = name, phone, language
    preferences.set_campaigns(user.email, campaigns)
    db.session.commit()


def _account(email: str) -> User | None:
    return db.session.scalar(sa.select(User).where(User.email == normalize_email(email)))


def _adopt_guest_bookings(user: User) -> None:
    guests = sa.update(Booking).where(Booking.user_id.is_(None), Booking.customer_email == user.email)
    db.session.execute(guests.values(user_id=user.id))
