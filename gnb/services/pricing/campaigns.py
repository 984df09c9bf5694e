"""Prices under campaigns, recomputed every hour from the active rules.

A tour that a campaign applies to costs what `rules.best_offer` computes from its base price. A tour that a campaign no
longer applies to gets its base price back. Other tours are left unchanged. Idempotent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import HOME_ZONE, Campaign, PriceChange, Tour, execute_count, now
from gnb.services.pricing import change_price, count_bookings, tours_priced_by_campaigns
from gnb.services.pricing.rules import Offer, Rule, TourFacts, best_offer

COUNTED_DAYS = 7


@dataclass(frozen=True)
class Processed:
    """The counts of one run."""

    tours: int
    changed: int
    restored: int
    ended: int


def process_campaigns(moment: datetime | None = None) -> Processed:
    """Set the prices as of a moment (now by default) and end past campaigns. Mailings are started by people alone."""
    moment = moment or now()
    rules = {campaign.id: rule_of(campaign) for campaign in _running(moment)}
    tours, held = _on_sale(moment), tours_priced_by_campaigns()
    changed = restored = 0
    for tour, facts in tours:
        offer = best_offer(tour.base_price, rules.values(), facts, moment)
        if offer:
            changed += _set_price(tour, offer.price, "campaign", _reason(offer), offer)
        elif tour.id in held:
            restored += _set_price(tour, tour.base_price, "restore", "no campaign applies any more")
    db.session.commit()
    return Processed(len(tours), changed, restored, _end_past(moment))


def tours_under(campaign: Campaign) -> int:
    """Count the tours on sale whose price the campaign sets on its weekdays, given today's data."""
    rule = replace(rule_of(campaign), weekdays=())
    return sum(rule.matches(facts) for _, facts in _on_sale(now()))


def rule_of(campaign: Campaign) -> Rule:
    """Return the pricing rule of a campaign, without its mail."""
    return Rule(
        id=campaign.id,
        discount_percent=campaign.discount_percent,
        floor_percent=campaign.floor_percent,
        stacks=campaign.stacks,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        city=campaign.city,
        category=campaign.category,
        tour_id=campaign.tour_id,
        weekdays=tuple(campaign.weekdays or ()),
        min_bookings=campaign.min_bookings,
        max_bookings=campaign.max_bookings,
    )


def _on_sale(moment: datetime) -> list[tuple[Tour, TourFacts]]:
    week_ago = moment - timedelta(days=COUNTED_DAYS)
    counts, weekday = count_bookings(week_ago, moment), moment.astimezone(HOME_ZONE).isoweekday()
    tours = db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.id))
    return [(tour, TourFacts(tour.id, tour.city, tour.category, counts.get(tour.id, 0), weekday)) for tour in tours]


def _running(moment: datetime) -> list[Campaign]:
    active = (Campaign.state == "active", Campaign.starts_at <= moment, Campaign.ends_at > moment)
    return list(db.session.scalars(sa.select(Campaign).where(*active).order_by(Campaign.id)))


def _set_price(tour: Tour, price: Decimal, cause: str, reason: str, offer: Offer | None = None) -> int:
    """Set and record a price; return 1 if it changed, 0 if it was set already or changed concurrently."""
    old = tour.current_price
    if price == old and cause == "campaign":
        return 0
    if price != old and not change_price(tour.id, old, price):
        return 0
    change = PriceChange(
        tour_id=tour.id,
        campaign_id=offer.rules[0] if offer else None,
        cause=cause,
        base_price=tour.base_price,
        old_price=old,
        new_price=price,
        currency=tour.currency,
        reason=reason,
        figures=_figures(offer),
    )
    db.session.add(change)
    return 1


def _reason(offer: Offer) -> str:
    campaigns = ", ".join(str(rule) for rule in offer.rules)
    floor = f", not below {offer.floor_percent}% of the base price"
    return f"{offer.discount_percent}% off by campaign {campaigns}{floor}"


def _figures(offer: Offer | None) -> dict[str, Any]:
    if offer is None:
        return {}
    return {"campaigns": list(offer.rules), "discount": offer.discount_percent, "floor": offer.floor_percent}


def _end_past(moment: datetime) -> int:
    """End the campaigns that are over and return their number."""
    over = sa.and_(Campaign.state == "active", Campaign.ends_at <= moment)
    count = execute_count(sa.update(Campaign).where(over).values(state="ended", updated_at=now()))
    db.session.commit()
    return count
