"""Prices under campaigns, brought every hour to what the rules in force say.

A tour that a campaign applies to costs what `pricing.campaign_rules` makes of its base price. One whose price came from
a campaign costs its base price again when none applies any more. Other tours are left alone. Twice is once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Booking, Campaign, PriceChange, Tour, now
from gnb.models.booking import HOME_ZONE
from gnb.services.mail import campaigns as mailings
from gnb.services.mail.campaigns import MailingRefused
from gnb.services.pricing.campaign_rules import Offer, Rule, TourFacts, best_offer

COUNTED_DAYS = 7


@dataclass(frozen=True)
class Processed:
    """What one run did."""

    tours: int
    changed: int
    restored: int
    ended: int
    mailings: int


def process_campaigns(moment: datetime | None = None) -> Processed:
    """Set the prices as of that moment (now), end campaigns that are over, begin the mailings of those that run."""
    moment = moment or now()
    rules = {campaign.id: rule_of(campaign) for campaign in _running(moment)}
    tours, held = _on_sale(moment), _held_by_campaigns()
    changed = restored = 0
    for tour, facts in tours:
        offer = best_offer(tour.base_price, rules.values(), facts, moment)
        if offer:
            changed += _set_price(tour, offer.price, "campaign", _reason(offer), offer)
        elif tour.id in held:
            restored += _set_price(tour, tour.base_price, "restore", "no campaign applies any more")
    db.session.commit()
    return Processed(len(tours), changed, restored, _end_past(moment), _begin_mailings(moment))


def tours_under(campaign: Campaign) -> int:
    """How many tours on sale the campaign sets the price of, on its weekdays, by what is known now."""
    rule = replace(rule_of(campaign), weekdays=())
    return sum(rule.matches(facts) for _, facts in _on_sale(now()))


def rule_of(campaign: Campaign) -> Rule:
    """The campaign's rule, apart from its mail."""
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
    counts, weekday = _recent_bookings(moment), moment.astimezone(HOME_ZONE).isoweekday()
    tours = db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.id))
    return [(tour, TourFacts(tour.id, tour.city, tour.category, counts.get(tour.id, 0), weekday)) for tour in tours]


def _running(moment: datetime) -> list[Campaign]:
    active = (Campaign.state == "active", Campaign.starts_at <= moment, Campaign.ends_at > moment)
    return list(db.session.scalars(sa.select(Campaign).where(*active).order_by(Campaign.id)))


def _recent_bookings(moment: datetime) -> dict[int, int]:
    """How many bookings each tour had in the last week; cancelled ones do not count."""
    query = sa.select(Booking.tour_id, sa.func.count()).where(
        Booking.created_at > moment - timedelta(days=COUNTED_DAYS),
        Booking.created_at <= moment,
        Booking.status != "cancelled",
    )
    query = query.group_by(Booking.tour_id)
    return {tour_id: count for tour_id, count in db.session.execute(query)}  # noqa: C416 - a Result is no mapping


def _held_by_campaigns() -> set[int]:
    """The tours whose price came from a campaign, by their newest change."""
    newest = sa.select(sa.func.max(PriceChange.id)).group_by(PriceChange.tour_id)
    query = sa.select(PriceChange.tour_id).where(PriceChange.id.in_(newest), PriceChange.cause == "campaign")
    return set(db.session.scalars(query))


def _set_price(tour: Tour, price: Decimal, cause: str, reason: str, offer: Offer | None = None) -> int:
    """1 when the price was changed and written down; 0 when it is that already, or somebody else was quicker."""
    old = tour.current_price
    if price == old and cause == "campaign":
        return 0
    if price != old:
        done = db.session.execute(
            sa.update(Tour)
            .where(Tour.id == tour.id, Tour.current_price == old)
            .values(current_price=price, updated_at=now())
            .execution_options(synchronize_session=False)
        )
        if cast("sa.CursorResult[Any]", done).rowcount != 1:
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
    """How many campaigns are over since the last time."""
    done = db.session.execute(
        sa.update(Campaign)
        .where(Campaign.state == "active", Campaign.ends_at <= moment)
        .values(state="ended", updated_at=now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return cast("sa.CursorResult[Any]", done).rowcount


def _begin_mailings(moment: datetime) -> int:
    """How many mailings were begun: of campaigns that run, have a text in each language and were never mailed."""
    begun = 0
    for campaign in _running(moment):
        if campaign.mailing_state != "none":
            continue
        try:
            mailings.start(campaign)
            begun += 1
        except MailingRefused:  # nothing to say yet, nobody to say it to, or somebody else has begun it
            db.session.rollback()
    return begun
