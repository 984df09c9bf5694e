"""Who a campaign's mail goes to: customers with an account, as the campaign's segment chooses them.

A segment is a dict as the campaign keeps it: `languages`, `tour_ids`, `booked_after` and `booked_before` (ISO days,
the last booking's), `user_ids`; what is left out chooses everyone.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Booking, NotificationSetting, User, local_midnight

_IDS_IN_ONE_QUERY = 1000


def count_recipients(segment: Mapping[str, Any]) -> int:
    """How many accounts a mailing to the segment would write to at this moment."""
    if (ids := segment.get("user_ids")) is None:
        return db.session.scalar(sa.select(sa.func.count()).select_from(_chosen(segment).subquery())) or 0
    return sum(
        db.session.scalar(sa.select(sa.func.count()).select_from(_chosen(segment, part).subquery())) or 0
        for part in _parts(sorted(ids))
    )


def next_recipients(segment: Mapping[str, Any], after: int, limit: int) -> tuple[list[sa.Row[int, str, str, str]], int]:
    """The next recipients (`id`, `email`, `name`, `language`) after that user id, and the id they reach up to.

    The id is `after` itself when there is nobody left.
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
    """The segment narrowed to these users: accounts, their ids, or dicts with an `id`. Raises ValueError for others."""
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
