"""What a booking costs: one computation for the pages, the API and the demo data.

A vehicle has one price, whatever the number of passengers; on a tour everyone pays except infants. Extras cost their
current price. An extra in another currency than the tour's cannot be added: amounts are never converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from gnb.extensions import db
from gnb.models import Extra, Tour, localized
from gnb.services.bookings import CurrencyMismatch
from gnb.services.pricing import PriceList

PER_VEHICLE = frozenset({"airport", "transfer", "vip"})
"""Categories that are a car of one's own; the others are sold by the person."""

TOUR_LINE = "tour"


@dataclass(frozen=True)
class Party:
    """Who travels. Everyone takes a seat; infants are free where the price is per person."""

    adults: int
    children: int = 0
    infants: int = 0

    @property
    def guests(self) -> int:
        return self.adults + self.children + self.infants


@dataclass(frozen=True)
class QuoteLine:
    """One line of a quote: the tour (`code` "tour") or an extra."""

    code: str
    titles: dict[str, str]
    quantity: int
    unit_price: Decimal

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity

    def title(self, language: str) -> str:
        """Return the title in the language, or the nearest available."""
        return localized(self.titles, language) or self.code


@dataclass(frozen=True)
class Quote:
    """What a booking would cost now."""

    currency: str
    lines: tuple[QuoteLine, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal("0.00"))

    @property
    def extras(self) -> tuple[QuoteLine, ...]:
        """The lines other than the tour's own."""
        return tuple(line for line in self.lines if line.code != TOUR_LINE)


def is_per_person(category: str) -> bool:
    """Return whether the price of a category is per person rather than per vehicle."""
    return category not in PER_VEHICLE


def fares(category: str, party: Party) -> int:
    """Return how many times the tour's price is charged."""
    return party.adults + party.children if is_per_person(category) else 1


def extras_on_sale(tour: Tour) -> list[Extra]:
    """Return the extras that can be added to a booking of the tour, in display order."""
    query = sa.select(Extra).where(Extra.active, Extra.currency == tour.currency).order_by(Extra.position, Extra.code)
    return list(db.session.scalars(query))


def quote(tour: Tour, party: Party, extras: Mapping[str, int] | None = None) -> Quote:
    """Compute the current price.

    Args:
        tour: The tour to book.
        party: Who travels.
        extras: How many of each extra, by code; unknown codes and zeros are ignored.

    Raises:
        CurrencyMismatch: An extra is sold in another currency than the tour.
    """
    unit_price = PriceList().of(tour).amount
    wanted = {code: count for code, count in (extras or {}).items() if count}
    lines = [QuoteLine(TOUR_LINE, tour.titles or {"en": tour.name}, fares(tour.category, party), unit_price)]
    query = sa.select(Extra).where(Extra.code.in_(wanted)).order_by(Extra.position, Extra.code)
    for extra in db.session.scalars(query) if wanted else ():
        if extra.currency != tour.currency:
            raise CurrencyMismatch(extra.code, extra.currency, tour.currency)
        lines.append(QuoteLine(extra.code, extra.titles, wanted[extra.code], extra.price))
    return Quote(tour.currency, tuple(lines))
