"""The pricing rules, as pure functions: the price under campaigns, and the price that demand suggests.

A campaign's price is always computed from the base price, whatever the tour costs at the moment. Rules that stack form
one offer together, each of the others is an offer of its own; the lowest price wins. No offer goes below the share of
the base price that its rules guarantee (of several the highest).

The week's demand moves a price by at most 10% from the base price; it is computed from bookings alone, never from the
price of the week before. Demand is the number of bookings in the last week compared to the week before; season is the
number of bookings that the coming week had a year ago compared to the week before it. Both ratios are smoothed with a
few pseudo-bookings, so that a single booking of a rarely booked tour changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
LEAST = CENT
"""No tour is free."""


@dataclass(frozen=True)
class TourFacts:
    """The properties of a tour that a rule can test. `bookings` were made in the last seven days, `weekday` is today's
    (ISO)."""

    id: int
    city: str
    category: str
    bookings: int
    weekday: int


@dataclass(frozen=True)
class Rule:
    """The rule of a campaign; a condition that is None matches every tour, no weekdays match every day."""

    id: int
    discount_percent: int
    floor_percent: int = 70
    stacks: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    city: str | None = None
    category: str | None = None
    tour_id: int | None = None
    weekdays: tuple[int, ...] = ()
    min_bookings: int | None = None
    max_bookings: int | None = None

    @property
    def counts_bookings(self) -> bool:
        """Whether a condition is about the number of bookings."""
        return self.min_bookings is not None or self.max_bookings is not None

    def runs(self, moment: datetime) -> bool:
        """Return whether the rule is active at a moment: from its start up to, but not including, its end."""
        return (self.starts_at is None or self.starts_at <= moment) and (self.ends_at is None or moment < self.ends_at)

    def matches(self, tour: TourFacts) -> bool:
        """Return whether every condition that is set holds for the tour."""
        return (
            self.tour_id in (None, tour.id)
            and (self.city is None or self.city.casefold() == tour.city.casefold())
            and self.category in (None, tour.category)
            and (not self.weekdays or tour.weekday in self.weekdays)
            and (self.min_bookings is None or tour.bookings >= self.min_bookings)
            and (self.max_bookings is None or tour.bookings <= self.max_bookings)
        )


@dataclass(frozen=True)
class Offer:
    """A price, and the ids of the rules that produce it, in order."""

    price: Decimal
    rules: tuple[int, ...]
    discount_percent: int
    floor_percent: int


def best_offer(base: Decimal, rules: Iterable[Rule], tour: TourFacts, moment: datetime) -> Offer | None:
    """Return the lowest price that the rules give, or None if none applies to the tour; their order does not matter."""
    found = sorted((rule for rule in rules if rule.runs(moment) and rule.matches(tour)), key=lambda rule: rule.id)
    stack = [rule for rule in found if rule.stacks]
    groups = [[rule] for rule in found if not rule.stacks] + ([stack] if stack else [])
    offers = [_offer(base, group) for group in groups]
    return min(offers, key=lambda offer: (offer.price, offer.rules), default=None)


def _offer(base: Decimal, rules: Sequence[Rule]) -> Offer:
    discount = min(sum(rule.discount_percent for rule in rules), 100)
    floor = max(rule.floor_percent for rule in rules)
    wanted = (base * (100 - discount) / 100).quantize(CENT, ROUND_HALF_UP)
    least = (base * floor / 100).quantize(CENT, ROUND_CEILING)
    return Offer(min(max(wanted, least, LEAST), base), tuple(rule.id for rule in rules), discount, floor)


LARGEST_STEP = Decimal("0.10")
SMALLEST_STEP = 0.02
"""Less than this leaves the base price."""

_PSEUDO_BOOKINGS = 5
_WEIGHT = 0.5


@dataclass(frozen=True)
class Demand:
    """Bookings of the last week and the one before, and those of the matching weeks a year ago (None without such
    data)."""

    last_week: int
    week_before: int
    coming_week_year_ago: int | None = None
    last_week_year_ago: int | None = None

    @property
    def growth(self) -> float:
        """The demand of the last week relative to the week before; 1 means unchanged."""
        return _ratio(self.last_week, self.week_before)

    @property
    def season(self) -> float | None:
        """The bookings of the coming week a year ago relative to the week before it; None without data from a year
        ago."""
        if self.coming_week_year_ago is None or self.last_week_year_ago is None:
            return None
        return _ratio(self.coming_week_year_ago, self.last_week_year_ago)

    @property
    def signal(self) -> float:
        """The change that demand and season suggest, as a factor."""
        factor: float = (self.growth * (self.season or 1.0)) ** _WEIGHT
        return factor


def _ratio(count: int, before: int) -> float:
    return (count + _PSEUDO_BOOKINGS) / (before + _PSEUDO_BOOKINGS)


def limits(base: Decimal) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest price by demand, rounded to the cent."""
    low = (base * (1 - LARGEST_STEP)).quantize(CENT, ROUND_CEILING)
    return low, (base * (1 + LARGEST_STEP)).quantize(CENT, ROUND_FLOOR)


def demand_price(base: Decimal, demand: Demand) -> Decimal:
    """Return the price by demand, at most 10% from the base price."""
    if abs(demand.signal - 1) < SMALLEST_STEP:
        return base
    low, high = limits(base)
    wanted = base * Decimal(str(round(demand.signal, 4)))
    rounded = wanted.quantize(CENT, ROUND_FLOOR if wanted > base else ROUND_CEILING)
    return max(min(max(rounded, low), high), CENT)
