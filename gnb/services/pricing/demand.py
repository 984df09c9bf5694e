"""Weekly prices by demand: what they are, and their entries in the price history.

    preview()                       # dry run: writes nothing
    record_prices()                 # idempotent within a week

A week starts on Monday in Europe/Istanbul and is named as in ISO 8601 (`2026-W48`). Its prices apply from its first
moment, whether or not they were recorded. Tours under a campaign are not recorded: the campaign sets their price.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import PriceChange, Tour, now
from gnb.services.pricing import PriceList, demand_of, new_price_change
from gnb.services.pricing.rules import Demand, demand_price, limits
from gnb.services.reports.week import Week


@dataclass(frozen=True)
class WeekPrice:
    """The price of one tour by demand, last week's and this week's. `why` is one of `REASONS`."""

    tour: Tour
    before: Decimal
    price: Decimal
    demand: Demand
    why: str

    @property
    def changes(self) -> bool:
        return self.price != self.before

    @property
    def percent(self) -> float:
        """The change in percent of last week's price."""
        return float((self.price - self.before) / self.before * 100)

    def as_json(self) -> dict[str, Any]:
        """Return the row of the preview table; prices as exact strings."""
        return {
            "tourId": self.tour.id,
            "tour": self.tour.name,
            "currency": self.tour.currency,
            "base": str(self.tour.base_price),
            "before": str(self.before),
            "price": str(self.price),
            "changePercent": round(self.percent, 2),
            "why": self.why,
            **figures(self.demand),
        }


REASONS = ("demand", "season", "limit", "steady", "campaign")
"""Demand or season moved it from the base price, its limit kept it, nothing moved it, a campaign sets the price."""


def preview(moment: datetime | None = None) -> list[WeekPrice]:
    """Return the prices of the week of a moment (now by default), the largest change first."""
    moment = moment or now()
    week, prices = Week.of(moment), PriceList(moment)
    demand, before = demand_of(week), demand_of(week.last_week)
    found = []
    for tour in db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.id)):
        price = prices.of(tour)
        last, why = demand_price(tour.base_price, before.of(tour.id)), _why(tour, demand.of(tour.id), price.by_demand)
        found.append(WeekPrice(tour, last, price.by_demand, demand.of(tour.id), "campaign" if price.offer else why))
    return sorted(found, key=lambda row: (-abs(row.percent), row.tour.id))


def record_prices(moment: datetime | None = None) -> list[WeekPrice]:
    """Record this week's changes and return those recorded, the largest first. Idempotent within a week."""
    moment = moment or now()
    period = Week.of(moment).name
    known = sa.select(PriceChange.tour_id).where(PriceChange.cause == "demand", PriceChange.period == period)
    recorded = set(db.session.scalars(known))
    new = [row for row in preview(moment) if row.changes and row.why != "campaign" and row.tour.id not in recorded]
    made = [row for row in new if _record(row, period)]
    db.session.commit()
    return made


def _why(tour: Tour, demand: Demand, price: Decimal) -> str:
    if price == tour.base_price:
        return "steady"
    if price in limits(tour.base_price):
        return "limit"
    season = demand.season or 1.0
    return "season" if abs(season - 1) > abs(demand.growth - 1) else "demand"


def _record(row: WeekPrice, period: str) -> bool:
    """Record a change; return False if another run did so at the same time."""
    fields = {"period": period, "figures": figures(row.demand)}
    try:
        with db.session.begin_nested():
            db.session.add(new_price_change(row.tour, row.before, row.price, "demand", _reason(row), **fields))
    except IntegrityError:
        return False
    return True


def _reason(row: WeekPrice) -> str:
    demand = row.demand
    words = f"{demand.last_week} bookings last week, {demand.week_before} the week before"
    if demand.season is not None:
        words += f"; a year ago {demand.coming_week_year_ago} in this week, {demand.last_week_year_ago} before it"
    return f"{words}: {row.percent:+.1f}%" + (", at its limit" if row.why == "limit" else "")


def figures(demand: Demand) -> dict[str, Any]:
    """Return the numbers that the reason is based on."""
    return {
        "lastWeek": demand.last_week,
        "weekBefore": demand.week_before,
        "comingWeekYearAgo": demand.coming_week_year_ago,
        "lastWeekYearAgo": demand.last_week_year_ago,
        "growth": round(demand.growth, 3),
        "season": None if demand.season is None else round(demand.season, 3),
    }
