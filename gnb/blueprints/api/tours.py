"""`/api/v1/tours`: what is sold. For everyone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.api.tour_schemas import DayQuery, TourDetailsSchema, TourPageSchema, TourQuery, part_of
from gnb.models import Extra
from gnb.services.bookings.catalogue import Offer, TourSearch, find_tours, seats_left, tour_of_slug
from gnb.services.pricing.quotes import extras_on_sale

blueprint = ApiBlueprint(
    "tours-api", __name__, url_prefix="/api/v1/tours", description="Transfers and tours on sale", read=None, change=None
)


@dataclass(frozen=True)
class TourDetails(Offer):
    """A tour with what can be added to it."""

    extras: list[Extra] = field(default_factory=list)


@blueprint.endpoint("GET", "", TourPageSchema, query=TourQuery, message="Tours.")
def list_tours(wanted: dict[str, Any]) -> dict[str, Any]:
    """The tours on sale that fit: large enough, and with seats left on the day asked for."""
    search = TourSearch(
        category=wanted.get("category"),
        start=wanted.get("start_place"),
        end=wanted.get("end_place"),
        day=wanted.get("date"),
        passengers=wanted.get("passengers"),
    )
    found = find_tours(search, *part_of(wanted))
    return {"tours": found.offers, "count": len(found.offers), "total": found.total}


@blueprint.endpoint("GET", "/<string:slug>", TourDetailsSchema, query=DayQuery, errors=(404,), message="The tour.")
def get_tour(wanted: dict[str, Any], slug: str) -> TourDetails:
    """One tour, with the extras that can be booked with it."""
    tour, day = tour_of_slug(slug), wanted.get("date")
    return TourDetails(tour, seats_left(tour, day) if day else None, extras_on_sale(tour))
