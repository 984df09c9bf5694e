"""The hourly work on campaigns: record the prices that they set, and end past ones.

The prices themselves are computed on read (`PriceList`); a run only adds what has changed to the history. Idempotent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Campaign, PriceChange, Tour, execute_count, now
from gnb.services.pricing import Price, PriceList, new_price_change, recent_bookings, rule_of
from gnb.services.pricing.rules import Offer, TourFacts


@dataclass(frozen=True)
class Processed:
    """The counts of one run: tours on sale, prices that campaigns set, prices no longer set by one, and campaigns."""

    tours: int
    changed: int
    restored: int
    ended: int


def process_campaigns(moment: datetime | None = None) -> Processed:
    """Record the prices as of a moment (now by default) and end past campaigns. Only people start mailings."""
    moment = moment or now()
    prices, tours = PriceList(moment), _on_sale()
    recorded = _campaign_prices()
    changes = [change for tour in tours if (change := _change(tour, prices.of(tour), recorded.get(tour.id)))]
    restored = sum(change.cause == "restore" for change in changes)
    db.session.add_all(changes)
    db.session.commit()
    return Processed(len(tours), len(changes) - restored, restored, _end_past(moment))


def tours_under(campaign: Campaign) -> int:
    """Count the tours on sale that the campaign applies to on its weekdays, given today's data."""
    rule = replace(rule_of(campaign), weekdays=())
    counts = recent_bookings(now()) if rule.counts_bookings else {}
    facts = [TourFacts(tour.id, tour.city, tour.category, counts.get(tour.id, 0), 1) for tour in _on_sale()]
    return sum(map(rule.matches, facts))


def _on_sale() -> Sequence[Tour]:
    return db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.id)).all()


def _campaign_prices() -> dict[int, Decimal]:
    """Return the price of each tour whose newest entry in the history was made by a campaign."""
    newest = sa.select(sa.func.max(PriceChange.id)).group_by(PriceChange.tour_id)
    query = sa.select(PriceChange.tour_id, PriceChange.new_price)
    rows = db.session.execute(query.where(PriceChange.id.in_(newest), PriceChange.cause == "campaign"))
    return {tour_id: price for tour_id, price in rows}  # noqa: C416 - a Result is no mapping


def _change(tour: Tour, price: Price, recorded: Decimal | None) -> PriceChange | None:
    """Return the entry for the price, or None if it is in the history already."""
    offer, old = price.offer, price.by_demand if recorded is None else recorded
    if offer is None:
        if recorded is None:
            return None
        return new_price_change(tour, old, price.amount, "restore", "no campaign applies any more")
    if recorded == offer.price:
        return None
    first = {"campaign_id": offer.rules[0], "figures": _figures(offer)}
    return new_price_change(tour, old, offer.price, "campaign", _reason(offer), **first)


def _reason(offer: Offer) -> str:
    campaigns = ", ".join(str(rule) for rule in offer.rules)
    floor = f", not below {offer.floor_percent}% of the base price"
    return f"{offer.discount_percent}% off by campaign {campaigns}{floor}"


def _figures(offer: Offer) -> dict[str, Any]:
    return {"campaigns": list(offer.rules), "discount": offer.discount_percent, "floor": offer.floor_percent}


def _end_past(moment: datetime) -> int:
    """End the campaigns that are over and return their number."""
    over = sa.and_(Campaign.state == "active", Campaign.ends_at <= moment)
    count = execute_count(
        sa.update(Campaign).where(over).values(state="ended", updated_at=now(), version=Campaign.version + 1)
    )
    db.session.commit()
    return count
