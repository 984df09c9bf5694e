"""Who receives mail: the settings of an address, the link that unsubscribes it, and the recipients of a campaign.

The link carries the number of an account, signed; it contains no address and cannot be changed to another account.

A campaign's segment is a dict: `languages`, `tour_ids`, `booked_after` and `booked_before` (ISO days, of the last
booking), `user_ids`. A key that is left out does not restrict the recipients: customers with an account.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeSerializer

from gnb.extensions import db, settings
from gnb.messages.formats import text_language
from gnb.models import (
    LANGUAGES,
    TEXT_LANGUAGES,
    Booking,
    Campaign,
    NotificationSetting,
    User,
    local_midnight,
    normalize_email,
)

_IDS_IN_ONE_QUERY = 1000
_table: Any = NotificationSetting.__table__
_SETTING = sa.select(_table.c.campaigns).where(_table.c.email == sa.bindparam("address"))


def wants(address: str, kind: str) -> bool:
    """Return whether the address accepts mail of this kind; it does unless it has unsubscribed."""
    if kind != "campaign-notification":
        return True
    return db.session.scalar(_SETTING, {"address": normalize_email(address)}) is not False


def wants_campaigns(address: str) -> bool:
    """Return whether the address accepts campaigns."""
    return wants(address, "campaign-notification")


def set_campaigns(address: str, wanted: bool) -> None:
    """Record whether the address accepts campaigns; the caller commits."""
    setting = db.session.get(NotificationSetting, normalize_email(address))
    if setting is None:
        setting = NotificationSetting(email=address)
        db.session.add(setting)
    setting.campaigns = wanted


def unsubscribe_token(user_id: int) -> str:
    """Return the token of the unsubscribe link; it never expires."""
    token = _serializer(settings().secret_key).dumps(user_id)
    return token if isinstance(token, str) else token.decode()


def user_of_token(token: str) -> User | None:
    """Return the account of the token; None for a forged token or a deleted account."""
    try:
        user_id = _serializer(settings().secret_key).loads(token)
    except BadSignature:
        return None
    return db.session.get(User, user_id) if isinstance(user_id, int) else None


def unsubscribe_url(user_id: int) -> str:
    """Return the URL of the unsubscribe page for this account."""
    return f"{settings().site_url}/unsubscribe/{unsubscribe_token(user_id)}"


@cache
def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="unsubscribe")


def count_recipients(segment: Mapping[str, Any]) -> int:
    """Return how many accounts a mailing to the segment would write to now."""
    if (ids := segment.get("user_ids")) is None:
        return db.session.scalar(sa.select(sa.func.count()).select_from(_chosen(segment).subquery())) or 0
    return sum(
        db.session.scalar(sa.select(sa.func.count()).select_from(_chosen(segment, part).subquery())) or 0
        for part in _parts(sorted(ids))
    )


def next_recipients(segment: Mapping[str, Any], after: int, limit: int) -> tuple[list[sa.Row[int, str, str, str]], int]:
    """Return the next recipients after that user id, and the id up to which they reach.

    A recipient is a row of `id`, `email`, `name` and `language`. The id is `after` itself when no recipient is left.
    """
    ids = segment.get("user_ids")
    part = None
    if ids is not None:
        part = [user_id for user_id in sorted(ids) if user_id > after][: min(limit, _IDS_IN_ONE_QUERY)]
        if not part:
            return [], after
    query = _chosen(segment, part).where(User.id > after).order_by(User.id).limit(limit)
    rows = list(db.session.execute(query))
    if part is not None:
        return rows, part[-1]
    return rows, rows[-1].id if rows else after


def with_users(segment: Mapping[str, Any], users: Iterable[Any]) -> dict[str, Any]:
    """Restrict the segment to users, given as accounts, ids, or dicts with an `id`. Raises ValueError for others."""
    return {**segment, "user_ids": sorted({_user_id(user) for user in users})}


def _chosen(segment: Mapping[str, Any], user_ids: list[int] | None = None) -> sa.Select[int, str, str, str]:
    refused = sa.exists().where(NotificationSetting.email == User.email, NotificationSetting.campaigns.is_(False))
    query: sa.Select[int, str, str, str] = sa.select(User.id, User.email, User.name, User.language).where(
        User.active.is_(True), ~refused
    )
    if user_ids is not None:
        query = query.where(User.id.in_(user_ids))
    elif "user_ids" not in segment:
        query = query.where(User.role == "user")
    if languages := segment.get("languages"):
        query = query.where(User.language.in_(languages))
    for condition in _booking_conditions(segment):
        query = query.where(condition)
    return query


def _booking_conditions(segment: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    own = sa.and_(Booking.user_id == User.id, Booking.status != "cancelled")
    if tours := segment.get("tour_ids"):
        conditions.append(sa.exists().where(own, Booking.tour_id.in_(tours)))
    last = sa.select(sa.func.max(Booking.created_at)).where(own).correlate(User).scalar_subquery()
    if after := segment.get("booked_after"):
        conditions.append(last >= local_midnight(date.fromisoformat(after)))
    if before := segment.get("booked_before"):
        conditions.append(last < local_midnight(date.fromisoformat(before)))
    return conditions


def _user_id(user: Any) -> int:
    found = user.get("id") if isinstance(user, Mapping) else getattr(user, "id", user)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"a recipient is an account, its id, or a dict with an id, not {type(user).__name__}")
    return found


def _parts(ids: list[int]) -> Iterable[list[int]]:
    return (ids[at : at + _IDS_IN_ONE_QUERY] for at in range(0, len(ids), _IDS_IN_ONE_QUERY))


LANGUAGES_OF_TEXTS = {
    text: [language for language in LANGUAGES if text_language(language) == text] for text in TEXT_LANGUAGES
}
"""By the language of a text, those of the accounts that get it."""


def readers(segment: Mapping[str, Any]) -> dict[str, int]:
    """Return by language of a text how many recipients would get it, without languages that the segment leaves out."""
    wanted = segment.get("languages") or LANGUAGES
    chosen = {text: [each for each in languages if each in wanted] for text, languages in LANGUAGES_OF_TEXTS.items()}
    return {text: count_recipients({**segment, "languages": among}) for text, among in chosen.items() if among}


def without_text(campaign: Campaign) -> dict[str, int]:
    """Return the languages in which its mail lacks a subject or a text, with how many recipients would get it.

    The form, *Test* and *Send* decide by this alone. A language that the segment leaves out needs no text.
    """
    texts = (campaign.subjects, campaign.bodies)
    counts = readers(campaign.segment)
    return {language: count for language, count in counts.items() if not all(text.get(language) for text in texts)}
