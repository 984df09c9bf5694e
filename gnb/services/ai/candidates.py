"""Tours scored for a customer by explainable rules: past bookings, season, price, and similar customers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from gnb.models import Booking, Tour
from gnb.services.bookings.tours import Offer
from gnb.services.exports.revenue import amount_sum
from gnb.services.pricing.quotes import is_per_person

WEIGHTS = {"similar": 0.30, "season": 0.30, "place": 0.15, "kind": 0.10, "price": 0.15}
"""What each rule may add at most; together 1."""

LOOKED_BACK = timedelta(days=2 * 365)
_ONCE = frozenset({"city", "tour", "excursion", "package"})
"""What nobody books a second time: left out when the customer has had it."""


@dataclass(frozen=True)
class Candidate:
    """A tour at its price of now with the score of each rule, from 0 to the rule's weight."""

    tour: Tour
    price: Decimal
    parts: dict[str, float]

    @property
    def score(self) -> float:
        return sum(self.parts.values())

    @property
    def main_reason(self) -> str:
        """The rule with the largest relative score, "offer" if all are 0."""
        name, part = max(self.parts.items(), key=lambda item: item[1] / WEIGHTS[item[0]])
        return name if part > 0 else "offer"


@dataclass(frozen=True)
class History:
    """A customer's past bookings: counts by tour, city and category, and the average of what a vehicle or
    a person cost in each currency."""

    tours: Counter[int]
    cities: Counter[str]
    categories: Counter[str]
    average_fares: Mapping[str, Decimal]


def candidates(connection: sa.Connection, offers: Sequence[Offer], user_id: int, today: date) -> list[Candidate]:
    """Return the tours that may be recommended, best first; ties are ordered by id."""
    history = history_of(connection, user_id)
    season, similar = _in_season(connection, today), _of_similar_customers(connection, user_id)
    found = [
        Candidate(offer.tour, offer.price, _parts(offer, history, season, similar))
        for offer in offers
        if not (offer.tour.category in _ONCE and history.tours[offer.tour.id])
    ]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.tour.id))


def history_of(connection: sa.Connection, user_id: int) -> History:
    """Return the customer's bookings that were not cancelled."""
    rows = connection.execute(
        sa.select(
            Booking.tour_id,
            Tour.city,
            Tour.category,
            Booking.currency,
            sa.func.count(),
            sa.func.sum(Booking.adults + Booking.children),
            amount_sum(),
        )
        .join(Tour, Tour.id == Booking.tour_id)
        .where(Booking.user_id == user_id, Booking.status != "cancelled")
        .group_by(Booking.tour_id, Tour.city, Tour.category, Booking.currency)
    ).all()
    tours, cities, categories = Counter[int](), Counter[str](), Counter[str]()
    fares, spent = Counter[str](), defaultdict[str, Decimal](Decimal)
    for tour_id, city, category, currency, count, paying, amount in rows:
        tours[tour_id] += count
        cities[city] += count
        categories[category] += count
        fares[currency] += int(paying) if is_per_person(category) else count
        spent[currency] += amount
    return History(tours, cities, categories, {currency: spent[currency] / fares[currency] for currency in fares})


def _in_season(connection: sa.Connection, today: date) -> dict[int, int]:
    """Count each tour's bookings for this month and the adjacent ones, in the last two years."""
    months = [(today.month - 2) % 12 + 1, today.month, today.month % 12 + 1]
    return _counted(
        connection,
        sa.select(Booking.tour_id, sa.func.count())
        .where(
            Booking.status != "cancelled",
            Booking.travel_date.between(today - LOOKED_BACK, today),
            sa.extract("month", Booking.travel_date).in_(months),
        )
        .group_by(Booking.tour_id),
    )


def _of_similar_customers(connection: sa.Connection, user_id: int) -> dict[int, int]:
    """Count the customers of each tour who share a tour with this customer."""
    own, theirs, others = aliased(Booking), aliased(Booking), aliased(Booking)
    shared = sa.select(own.tour_id).where(own.user_id == user_id, own.status != "cancelled")
    similar = sa.select(theirs.user_id).where(
        theirs.tour_id.in_(shared), theirs.user_id.is_not(None), theirs.user_id != user_id, theirs.status != "cancelled"
    )
    return _counted(
        connection,
        sa.select(others.tour_id, sa.func.count(sa.distinct(others.user_id)))
        .where(others.user_id.in_(similar), others.status != "cancelled")
        .group_by(others.tour_id),
    )


def _counted(connection: sa.Connection, query: sa.Executable) -> dict[int, int]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _parts(offer: Offer, history: History, season: dict[int, int], similar: dict[int, int]) -> dict[str, float]:
    tour = offer.tour
    shares = {
        "similar": _share(similar, tour.id),
        "season": _share(season, tour.id),
        "place": _share(history.cities, tour.city),
        "kind": _share(history.categories, tour.category),
        "price": 0.0,
    }
    # What was paid then, in the same currency: amounts in two currencies cannot be compared.
    if usual := history.average_fares.get(tour.currency):
        shares["price"] = max(1 - float(abs(offer.price - usual) / usual), 0.0)
    return {name: round(WEIGHTS[name] * share, 4) for name, share in shares.items()}


def _share(counts: Mapping[Any, int], key: int | str) -> float:
    return counts.get(key, 0) / max(counts.values(), default=1)
