"""The price that a tour is sold at: who holds it, and the guarded update that both kinds of pricing change it with."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Booking, PriceChange, Tour, execute_count, now


def change_price(tour_id: int, old: Decimal, new: Decimal) -> bool:
    """Set the price of a tour in the session's transaction, unless it is no longer `old`; return whether it was set."""
    unchanged = sa.and_(Tour.id == tour_id, Tour.current_price == old)
    return execute_count(sa.update(Tour).where(unchanged).values(current_price=new, updated_at=now())) == 1


def tours_priced_by_campaigns() -> set[int]:
    """Return the ids of the tours whose newest price change was made by a campaign."""
    newest = sa.select(sa.func.max(PriceChange.id)).group_by(PriceChange.tour_id)
    query = sa.select(PriceChange.tour_id).where(PriceChange.id.in_(newest), PriceChange.cause == "campaign")
    return set(db.session.scalars(query))


def count_bookings(start: datetime, end: datetime) -> dict[int, int]:
    """Return the number of bookings of each tour that were made in [start, end) and not cancelled."""
    query = sa.select(Booking.tour_id, sa.func.count()).where(
        Booking.created_at >= start, Booking.created_at < end, Booking.status != "cancelled"
    )
    rows = db.session.execute(query.group_by(Booking.tour_id))
    return {tour_id: count for tour_id, count in rows}  # noqa: C416 - a Result is no mapping
