"""The price that a tour is sold at: computed on read from its base price, the week's demand and the running campaigns.

    prices = PriceList()           # what all tours share is read once
    prices.of(tour).amount

No price is stored, so none depends on whether a job ran. The jobs `process-campaigns` and `update-dynamic-pricing`
record in `price_changes` what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import current_app

from gnb.extensions import db
from gnb.models import HOME_ZONE, Booking, Campaign, PriceChange, Tour, now
from gnb.services.pricing.rules import Demand, Offer, Rule, TourFacts, best_offer, demand_price
from gnb.services.reports.week import Week

COUNTED_DAYS = 7
_WEEK = timedelta(days=7)
_YEAR = timedelta(days=364)  # 52 weeks: the same weekdays
_DEMAND_KEPT = 300.0
"""Seconds that a process keeps the demand of a week: it does not change within the week unless past bookings are
imported."""


@dataclass(frozen=True)
class Price:
    """A tour's price. `by_demand` is the price without campaigns; `offer` is the campaigns' offer if it is lower."""

    by_demand: Decimal
    offer: Offer | None = None

    @property
    def amount(self) -> Decimal:
        return self.offer.price if self.offer else self.by_demand


class PriceList:
    """The prices of all tours at one moment, now by default."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment or now()
        self._rules = [rule_of(campaign) for campaign in running_campaigns(self.moment)]
        self._demand = demand_of(Week.of(self.moment))
        self._weekday = self.moment.astimezone(HOME_ZONE).isoweekday()
        counted = any(rule.counts_bookings for rule in self._rules)
        self._bookings = recent_bookings(self.moment) if counted else {}

    def of(self, tour: Tour) -> Price:
        """Return the price of the tour."""
        by_demand = demand_price(tour.base_price, self._demand.of(tour.id))
        facts = TourFacts(tour.id, tour.city, tour.category, self._bookings.get(tour.id, 0), self._weekday)
        offer = best_offer(tour.base_price, self._rules, facts, self.moment)
        return Price(by_demand, offer if offer and offer.price < by_demand else None)


@dataclass(frozen=True)
class WeekDemand:
    """The demand for each tour in a week; `default` is that for a tour without bookings."""

    tours: Mapping[int, Demand]
    default: Demand

    def of(self, tour_id: int) -> Demand:
        return self.tours.get(tour_id, self.default)


def demand_of(week: Week) -> WeekDemand:
    """Return the demand that prices of the week go by: the bookings made before the week, as they were at its start."""
    cache: dict[str, tuple[float, WeekDemand]] = current_app.extensions.setdefault("week demand", {})
    kept = cache.get(week.name)
    if kept is None or kept[0] <= time.monotonic():
        kept = time.monotonic() + _DEMAND_KEPT, _read_demand(week.start)
        cache[week.name] = kept
    return kept[1]


def _read_demand(start: datetime) -> WeekDemand:
    year_ago = start - _YEAR
    periods = ((start - _WEEK, start), (start - 2 * _WEEK, start - _WEEK),
               (year_ago, year_ago + _WEEK), (year_ago - _WEEK, year_ago))  # fmt: skip
    within = [sa.and_(Booking.created_at >= first, Booking.created_at < last) for first, last in periods]
    counts = [sa.func.sum(sa.case((condition, 1), else_=0)) for condition in within]
    booked = sa.or_(Booking.status != "cancelled", Booking.cancelled_at >= start)
    query = sa.select(Booking.tour_id, *counts).where(sa.or_(*within), booked).group_by(Booking.tour_id)
    oldest = db.session.scalar(sa.select(sa.func.min(Booking.created_at)))
    columns = 4 if oldest is not None and oldest <= year_ago - _WEEK else 2
    found = {tour_id: Demand(*map(int, counted[:columns])) for tour_id, *counted in db.session.execute(query)}
    return WeekDemand(found, Demand(*[0] * columns))


def recent_bookings(moment: datetime) -> dict[int, int]:
    """Return how many bookings of each tour were made in the last seven days and not cancelled."""
    query = sa.select(Booking.tour_id, sa.func.count()).where(
        Booking.created_at >= moment - timedelta(days=COUNTED_DAYS),
        Booking.created_at < moment,
        Booking.status != "cancelled",
    )
    rows = db.session.execute(query.group_by(Booking.tour_id))
    return {tour_id: count for tour_id, count in rows}  # noqa: C416 - a Result is no mapping


def running_campaigns(moment: datetime) -> Sequence[Campaign]:
    """Return the active campaigns whose period contains the moment."""
    active = (Campaign.state == "active", Campaign.starts_at <= moment, Campaign.ends_at > moment)
    return db.session.scalars(sa.select(Campaign).where(*active).order_by(Campaign.id)).all()


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


def new_price_change(tour: Tour, old: Decimal, new: Decimal, cause: str, reason: str, **fields: Any) -> PriceChange:
    """Return an entry of the price history, not yet in the session."""
    return PriceChange(
        tour_id=tour.id,
        cause=cause,
        base_price=tour.base_price,
        old_price=old,
        new_price=new,
        currency=tour.currency,
        reason=reason[:500],
        **fields,
    )
