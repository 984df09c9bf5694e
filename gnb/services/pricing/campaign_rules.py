"""The price that campaigns give a tour: always from its base price, whatever it costs at the moment.

Rules that stack are one offer together, each of the others is an offer of its own; the lowest price wins. No offer
goes below the share of the base price that its rules keep (of several the highest).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
LEAST = CENT
"""No tour is free."""


@dataclass(frozen=True)
class TourFacts:
    """What a rule may ask of a tour. `bookings` were made in the last seven days, `weekday` is today's (ISO)."""

    id: int
    city: str
    category: str
    bookings: int
    weekday: int


@dataclass(frozen=True)
class Rule:
    """A campaign's rule; a condition that is None matches every tour, no weekdays match every day."""

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

    def runs(self, moment: datetime) -> bool:
        """Whether it is in force then: from its start up to, not including, its end."""
        return (self.starts_at is None or self.starts_at <= moment) and (self.ends_at is None or moment < self.ends_at)

    def matches(self, tour: TourFacts) -> bool:
        """Whether every condition that is set holds."""
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
    """A price, and the ids of the rules that make it, in order."""

    price: Decimal
    rules: tuple[int, ...]
    discount_percent: int
    floor_percent: int


def best_offer(base: Decimal, rules: Iterable[Rule], tour: TourFacts, moment: datetime) -> Offer | None:
    """The lowest price that the rules give; None when none is in force for the tour. Their order does not matter."""
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
