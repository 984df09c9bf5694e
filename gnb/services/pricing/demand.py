"""Weekly pricing by demand: a preview, and the update.

    preview()                       # dry run: writes nothing
    update_prices()                 # idempotent within a week

A week starts on Monday in Europe/Istanbul and is named as in ISO 8601 (`2026-W48`). Every run within a week counts the
same bookings. Tours priced by a campaign are skipped, since campaigns price from the base price.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gnb.extensions import db
from gnb.models import Booking, PriceChange, Tour, now
from gnb.services.pricing import change_price, count_bookings, tours_priced_by_campaigns
from gnb.services.pricing.rules import Demand, demand_price, limits
from gnb.services.reports.week import Week

_WEEK = timedelta(days=7)
_YEAR = timedelta(days=364)  # 52 weeks: the same weekdays


@dataclass(frozen=True)
class Proposal:
    """The price that demand suggests for one tour. `why` is one of `REASONS`."""

    tour_id: int
    tour: str
    currency: str
    base: Decimal
    current: Decimal
    proposed: Decimal
    demand: Demand
    why: str

    @property
    def changes(self) -> bool:
        return self.proposed != self.current

    @property
    def percent(self) -> float:
        """The change in percent of the current price."""
        return float((self.proposed - self.current) / self.current * 100)

    def as_json(self) -> dict[str, Any]:
        """Return the row of the preview table; prices as exact strings."""
        prices = {name: str(getattr(self, name)) for name in ("base", "current", "proposed")}
        return {
            "tourId": self.tour_id,
            "tour": self.tour,
            "currency": self.currency,
            **prices,
            "changePercent": round(self.percent, 2),
            "why": self.why,
            **figures(self.demand),
        }


REASONS = ("demand", "season", "limit", "steady", "campaign", "done")
"""Demand or season moved it, its limit kept it, nothing moved it, a campaign holds it, this week's change is made."""


def preview(moment: datetime | None = None) -> list[Proposal]:
    """Return what a run at this moment (now by default) would do with each tour, the largest change first."""
    moment = moment or now()
    found = [_propose(tour, demand, why) for tour, demand, why in _candidates(moment)]
    return sorted(found, key=lambda proposal: (-abs(proposal.percent), proposal.tour_id))


def update_prices(moment: datetime | None = None) -> list[Proposal]:
    """Make and record this week's changes; return those made, the largest first. Idempotent within a week."""
    moment = moment or now()
    made = [proposal for proposal in preview(moment) if proposal.changes and _change(proposal, Week.of(moment).name)]
    db.session.commit()
    return made


def _candidates(moment: datetime) -> list[tuple[Tour, Demand, str]]:
    """Return each active tour with its demand and the reason to skip it, "" if there is none."""
    week = Week.of(moment)
    start = week.start
    last, before = count_bookings(start - _WEEK, start), count_bookings(start - 2 * _WEEK, start - _WEEK)
    year_ago = start - _YEAR
    coming_then, last_then = count_bookings(year_ago, year_ago + _WEEK), count_bookings(year_ago - _WEEK, year_ago)
    first = db.session.scalar(sa.select(sa.func.min(Booking.created_at)))
    has_year = first is not None and first <= year_ago - _WEEK
    held, done = tours_priced_by_campaigns(), _changed_in(week.name)
    rows = []
    for tour in db.session.scalars(sa.select(Tour).where(Tour.active).order_by(Tour.id)):
        back = (coming_then.get(tour.id, 0), last_then.get(tour.id, 0)) if has_year else (None, None)
        demand = Demand(last.get(tour.id, 0), before.get(tour.id, 0), *back)
        rows.append((tour, demand, "campaign" if tour.id in held else "done" if tour.id in done else ""))
    return rows


def _propose(tour: Tour, demand: Demand, left_for: str) -> Proposal:
    proposed = tour.current_price if left_for else demand_price(tour.base_price, tour.current_price, demand)
    why = left_for or _why(tour, demand, proposed)
    return Proposal(tour.id, tour.name, tour.currency, tour.base_price, tour.current_price, proposed, demand, why)


def _why(tour: Tour, demand: Demand, proposed: Decimal) -> str:
    if proposed in limits(tour.base_price):
        return "limit"
    if proposed == tour.current_price:
        return "steady"
    season = demand.season or 1.0
    return "season" if abs(season - 1) > abs(demand.growth - 1) else "demand"


def _changed_in(period: str) -> set[int]:
    query = sa.select(PriceChange.tour_id).where(PriceChange.cause == "demand", PriceChange.period == period)
    return set(db.session.scalars(query))


def _change(proposal: Proposal, period: str) -> bool:
    """Change a price and record it; return False if another run did so or the price has changed since it was read."""
    try:
        with db.session.begin_nested():
            db.session.add(_price_change(proposal, period))
            db.session.flush()
            if not change_price(proposal.tour_id, proposal.current, proposal.proposed):
                raise ConcurrentUpdate
    except (IntegrityError, ConcurrentUpdate):
        return False
    return True


class ConcurrentUpdate(Exception):
    """The price is no longer the one that the proposal was computed from."""


def _price_change(proposal: Proposal, period: str) -> PriceChange:
    return PriceChange(
        tour_id=proposal.tour_id,
        cause="demand",
        period=period,
        base_price=proposal.base,
        old_price=proposal.current,
        new_price=proposal.proposed,
        currency=proposal.currency,
        reason=_reason(proposal),
        figures=figures(proposal.demand),
    )


def _reason(proposal: Proposal) -> str:
    demand = proposal.demand
    words = f"{demand.last_week} bookings last week, {demand.week_before} the week before"
    if demand.season is not None:
        words += f"; a year ago {demand.coming_week_year_ago} in this week, {demand.last_week_year_ago} before it"
    return f"{words}: {proposal.percent:+.1f}%" + (", at its limit" if proposal.why == "limit" else "")


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
