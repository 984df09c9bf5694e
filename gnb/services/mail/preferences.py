"""Which mail an address wants, and the link in a message that says no more.

The link carries the number of an account, signed: no address stands in it, and no other number can be put in.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeSerializer

from gnb.extensions import db, settings
from gnb.models import NotificationSetting, User, normalize_email

_ABOUT_BOOKINGS = frozenset({"booking-confirmation", "payment-confirmation", "booking-cancellation"})
_ABOUT_CAMPAIGNS = frozenset({"campaign-notification"})
_wishes: Any = NotificationSetting.__table__
_WISHES = sa.select(_wishes.c.bookings, _wishes.c.campaigns).where(_wishes.c.email == sa.bindparam("address"))


def wants(address: str, kind: str) -> bool:
    """Whether mail of this kind is wanted there; an address that never said anything wants everything."""
    if kind not in _ABOUT_BOOKINGS | _ABOUT_CAMPAIGNS:
        return True
    wish = db.session.execute(_WISHES, {"address": normalize_email(address)}).first()
    return wish is None or bool(wish.bookings if kind in _ABOUT_BOOKINGS else wish.campaigns)


def wants_campaigns(address: str) -> bool:
    """Whether campaigns are wanted there."""
    return wants(address, "campaign-notification")


def set_campaigns(address: str, wanted: bool) -> None:
    """Write down whether campaigns are wanted there; the caller commits."""
    setting = db.session.get(NotificationSetting, normalize_email(address))
    if setting is None:
        setting = NotificationSetting(email=address)
        db.session.add(setting)
    setting.campaigns = wanted


def unsubscribe_token(user_id: int) -> str:
    """What the link in a campaign's message carries; it never expires."""
    token = _serializer(settings().secret_key).dumps(user_id)
    return token if isinstance(token, str) else token.decode()


def user_of_token(token: str) -> User | None:
    """The account that the link was made for; None when it was made up or the account is gone."""
    try:
        user_id = _serializer(settings().secret_key).loads(token)
    except BadSignature:
        return None
    return db.session.get(User, user_id) if isinstance(user_id, int) else None


def unsubscribe_url(user_id: int) -> str:
    """The whole address of the unsubscribe page for this account."""
    return f"{settings().site_url}/unsubscribe/{unsubscribe_token(user_id)}"


@cache
def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="unsubscribe")
