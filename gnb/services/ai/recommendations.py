"""Tours for a customer: chosen by rules, ordered and worded by the language model where there is one.

    recommend({"user_id": 7, "options": {"limit": 3}}, last_attempt=True)
    → {"recommendations": [{"tourId": 12, "title": "…", "reason": "…", "parts": {…}}], "wordedBy": "rules", "note": "…"}

The model gets tours and the rules' reasons, never the customer; it may only name the tours it was given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa
from marshmallow import ValidationError, fields, validate
from sqlalchemy.orm import aliased

from gnb.extensions import db
from gnb.messages import LocalizedSchema, make_message
from gnb.models import Booking, Tour, User, local_day, now
from gnb.services.accounts.users import UserNotFound
from gnb.services.ai import language_model, texts
from gnb.services.ai.language_model import Prompt
from gnb.services.bookings.tours import Offer
from gnb.services.exports.revenue import amount_sum
from gnb.services.pricing import PriceList
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


MOST_SHOWN_TO_THE_MODEL = 15
LONGEST_REASON = 240
_RULES = (
    "You advise customers of a Turkish transfer and tour company. Order the candidates for one customer by how well"
    " they fit the season and the reasons given, best first, and name as many as `limit` says. For each write one"
    " friendly sentence in the language `language` that says why it fits, from the facts given alone. Name only ids"
    " from `candidates`. No prices that are not given, no addresses, no links."
)


class _Pick(LocalizedSchema):
    tour = fields.Integer(required=True, strict=True)
    reason = fields.String(required=True, validate=language_model.sentence(LONGEST_REASON))


class _Picks(LocalizedSchema):
    picks = fields.List(fields.Nested(_Pick), required=True, validate=validate.Length(min=1))


def recommend(asked: Mapping[str, Any], last_attempt: bool, today: date | None = None) -> dict[str, Any]:
    """Return the recommendations as JSON. `asked` is loaded by RecommendationsRequest.

    Raises UserNotFound, and what `language_model.word` does.
    """
    user = db.session.get(User, asked["user_id"])
    if user is None:
        raise UserNotFound("id", id=str(asked["user_id"]))
    limit = asked["options"]["limit"]
    language = asked["options"].get("language") or user.language
    today = today or local_day(now())
    tours = db.session.scalars(sa.select(Tour).where(Tour.active)).all()
    prices = PriceList()
    offers = [Offer(tour, prices.of(tour).amount) for tour in tours]
    ranked = candidates(db.session.connection(), offers, user.id, today)
    reasons = [(candidate, texts.tour_reason(candidate, language, today)) for candidate in ranked]
    shown = reasons[: max(MOST_SHOWN_TO_THE_MODEL, limit)]
    worded: language_model.Worded[list[tuple[int, str]]] = language_model.Worded(
        None, note=make_message("no_recommendations")
    )
    if shown:
        prompt = _prompt(shown, language, limit, today)
        worded = language_model.word(prompt, lambda said: _checked(said, shown, limit), last_attempt)
    return {
        "language": language,
        "recommendations": [_as_json(*chosen, language) for chosen in _chosen(reasons, worded.content, limit)],
        "wordedBy": "rules" if worded.content is None else "model",
        **worded.remarks(),
    }


def _prompt(shown: Sequence[tuple[Candidate, str]], language: str, limit: int, today: date) -> Prompt:
    material = {
        "language": language,
        "limit": limit,
        "month": today.month,
        "candidates": [
            {
                "id": candidate.tour.id,
                "title": candidate.tour.title(language),
                "about": candidate.tour.description(language)[:300],
                "kind": candidate.tour.category,
                "city": candidate.tour.city,
                "price": f"{candidate.price} {candidate.tour.currency}",
                "why": reason,
            }
            for candidate, reason in shown
        ],
    }
    pick = {
        "type": "object",
        "properties": {
            "tour": {"type": "integer", "enum": [candidate.tour.id for candidate, _ in shown]},
            "reason": {"type": "string"},
        },
        "required": ["tour", "reason"],
        "additionalProperties": False,
    }
    shape = {
        "type": "object",
        "properties": {"picks": {"type": "array", "items": pick}},
        "required": ["picks"],
        "additionalProperties": False,
    }
    return Prompt("ordered_tours", _RULES, material, shape)


def _checked(said: dict[str, Any], shown: Sequence[tuple[Candidate, str]], limit: int) -> list[tuple[int, str]]:
    """Return the picked tours with their reasons; raise ValidationError for another shape or a tour that was not
    given."""
    picks = cast("list[dict[str, Any]]", cast("dict[str, Any]", _Picks().load(said))["picks"])
    given = {candidate.tour.id for candidate, _ in shown}
    named = [pick["tour"] for pick in picks]
    if foreign := [tour_id for tour_id in named if tour_id not in given]:
        raise ValidationError(make_message("unusable_answer.foreign_tour", id=str(foreign[0])))
    if len(set(named)) < len(named):
        raise ValidationError(make_message("unusable_answer.repeated_tour"))
    return [(pick["tour"], pick["reason"]) for pick in picks][:limit]


def _chosen(
    ranked: Sequence[tuple[Candidate, str]], picks: list[tuple[int, str]] | None, limit: int
) -> list[tuple[Candidate, str]]:
    """Return the model's picks, then the rules' best tours up to the limit."""
    by_id = {candidate.tour.id: candidate for candidate, _ in ranked}
    first = [(by_id[tour_id], reason) for tour_id, reason in picks or ()]
    named = {candidate.tour.id for candidate, _ in first}
    return (first + [entry for entry in ranked if entry[0].tour.id not in named])[:limit]


def _as_json(candidate: Candidate, reason: str, language: str) -> dict[str, Any]:
    tour = candidate.tour
    return {
        "tourId": tour.id,
        "slug": tour.slug,
        "title": tour.title(language),
        "category": tour.category,
        "city": tour.city,
        "price": str(candidate.price),
        "currency": tour.currency,
        "score": round(candidate.score, 3),
        "parts": candidate.parts,
        "reason": reason,
    }
