"""Access to a booking without staff permissions: for its account, and for anyone with the link from its mails.

The link's token is a signature of the reference, valid for that booking only. It works until a year after the ride,
since travellers look for last year's booking in last year's mail.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cache

from itsdangerous import Signer

from gnb.extensions import db, settings
from gnb.models import Booking, User, normalize_email, now
from gnb.services.bookings import BookingNotFound

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LONGEST_REFERENCE = 16
LINK_LIFETIME = timedelta(days=365)
"""How long after the pickup the link of the mails still opens the booking."""


def new_reference() -> str:
    """Return a reference such as `GNB-7K3M9-Q2XTD`: 50 random bits, without ambiguous letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"GNB-{letters[:5]}-{letters[5:]}"


def guest_token(reference: str) -> str:
    """Return the token that gives access to a booking."""
    return _signer(settings().secret_key).get_signature(reference).decode()


def guest_link(booking: Booking) -> str:
    """Return the full URL of the booking's page, for its mails."""
    return f"{settings().site_url}/bookings/{booking.reference}?token={guest_token(booking.reference)}"


def booking_of_guest_token(reference: str, token: str) -> Booking:
    """Return the booking of a guest link. Raises BookingNotFound if the reference or the token is wrong."""
    signed = token.isascii() and reference.isascii()
    if not signed or not _signer(settings().secret_key).verify_signature(reference.encode(), token.encode()):
        raise BookingNotFound
    booking = _by_reference(reference)
    return booking if booking and now() - booking.pickup_at < LINK_LIFETIME else _missing()


def booking_of_address(reference: str, email: str) -> Booking | None:
    """Return the booking that was made with this address, as long as its link opens it; None if there is none."""
    booking = _by_reference("".join(reference.split()).upper())
    if booking is None or booking.customer_email != normalize_email(email):
        return None
    return booking if now() - booking.pickup_at < LINK_LIFETIME else None


def booking_of_user(reference: str, user: User) -> Booking:
    """Return a booking of this account. Raises BookingNotFound, also for bookings of others."""
    booking = _by_reference(reference)
    return booking if booking and booking.user_id == user.id else _missing()


def _by_reference(reference: str) -> Booking | None:
    if len(reference) > _LONGEST_REFERENCE or "\x00" in reference:
        return None
    found: Booking | None = db.session.query(Booking).filter_by(reference=reference).one_or_none()
    return found


def _missing() -> Booking:
    raise BookingNotFound


@cache
def _signer(secret: str) -> Signer:
    return Signer(secret, salt="booking")
