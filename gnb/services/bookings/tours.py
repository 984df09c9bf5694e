"""Writing a tour: what is sold, under which name, at which price, with how many seats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import PriceChange, Tour, User, local_day, now
from gnb.services import audit, places
from gnb.services.bookings import seats

PAGE_SIZE = 25


def list_tours(text: str = "", start: int = 0, end: int = PAGE_SIZE) -> tuple[list[Tour], int]:
    """The tours from `start` up to, not including, `end` whose name or city has the text, and how many match in all."""
    query = sa.select(Tour).order_by(Tour.active.desc(), Tour.category, Tour.city, Tour.name, Tour.id)
    key = places.plain(text)
    found = [tour for tour in db.session.scalars(query) if key in places.plain(f"{tour.name} {tour.city} {tour.slug}")]
    return found[start:end], len(found)


def slug_is_taken(slug: str) -> bool:
    """Whether a tour has that address already."""
    return db.session.scalar(sa.select(Tour.id).where(Tour.slug == slug)) is not None


class SlugTaken(Exception):
    """Another tour got that address meanwhile."""


def save_tour(tour: Tour, values: Mapping[str, Any], actor: User) -> Tour:
    """The tour with these columns, new or changed; commits, with an entry in the audit and in the prices' history.

    Raises SlugTaken.
    """
    before = {name: getattr(tour, name) for name in values}
    is_new = tour.id is None
    for name, value in values.items():
        setattr(tour, name, value)
    db.session.add(tour)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise SlugTaken(tour.slug) from None
    changed = sorted(name for name, value in before.items() if value != getattr(tour, name))
    if not is_new:
        if "daily_seats" in changed:
            seats.follow_tour(tour, local_day(now()))
        if "current_price" in changed:
            db.session.add(_price_change(tour, before["current_price"], actor))
    action = "tour.create" if is_new else "tour.change"
    audit.record(actor, action, f"tour/{tour.id}", details={} if is_new else {"changed": changed})
    db.session.commit()
    return tour


def _price_change(tour: Tour, old_price: Any, actor: User) -> PriceChange:
    return PriceChange(
        tour_id=tour.id,
        changed_by_id=actor.id,
        cause="manual",
        base_price=tour.base_price,
        old_price=old_price,
        new_price=tour.current_price,
        currency=tour.currency,
        reason=f"set by {actor.name}"[:500],
    )
