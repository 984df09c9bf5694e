"""Tours for a customer: chosen by rules, ordered and worded by the language model where there is one.

    recommend({"user_id": 7, "options": {"limit": 3}}, last_attempt=True)
    → {"recommendations": [{"tourId": 12, "title": "…", "reason": "…", "parts": {…}}], "wordedBy": "rules", "note": "…"}

The model gets tours and the rules' reasons, never the customer; it may only name the tours it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

import sqlalchemy as sa
from marshmallow import ValidationError, fields, validate

from gnb.extensions import db
from gnb.messages import LocalizedSchema, make_message
from gnb.models import Tour, User, local_day, now
from gnb.services.accounts.users import UserNotFound
from gnb.services.ai import language_model, texts
from gnb.services.ai.candidates import Candidate, candidates
from gnb.services.ai.language_model import Prompt
from gnb.services.bookings.tours import Offer
from gnb.services.pricing import PriceList

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
