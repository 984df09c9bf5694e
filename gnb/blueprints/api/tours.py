"""`/api/v1/tours`: what is sold. For everyone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import get_locale
from marshmallow import Schema, fields, validate

from gnb.blueprints.api.endpoints import ApiBlueprint
from gnb.blueprints.shared.rate_limits import count_search
from gnb.messages.schema import QueryNumber
from gnb.models import CATEGORIES, CURRENCIES, Extra
from gnb.services.bookings.fields import FormSchema, TravelDay
from gnb.services.bookings.tours import OFFERS_PER_PAGE, Offer, TourSearch, find_tours, offer_of, tour_of_slug
from gnb.services.pricing.quotes import extras_on_sale, is_per_person

LARGEST_PAGE = 200


TEXT_TYPE = {"type": "string"}


def amount(**options: Any) -> fields.Decimal:
    """An amount of money, as text: a float would not hold it exactly."""
    described = {"type": "string", "pattern": r"^-?\d+\.\d{2}$"}
    return fields.Decimal(places=2, as_string=True, required=True, metadata=described, **options)


class PageQuery(FormSchema):
    """Which part of a list: from `start` up to, not including, `end`."""

    start = QueryNumber(0, 10**9, load_default=0)
    end = QueryNumber(0, 10**9, load_default=None, allow_none=True)


def page_bounds(wanted: dict[str, Any], size: int = OFFERS_PER_PAGE) -> tuple[int, int]:
    """Start and end of the part asked for; never more than `LARGEST_PAGE`."""
    start = wanted["start"]
    end = start + size if wanted["end"] is None else wanted["end"]
    return start, max(start, min(end, start + LARGEST_PAGE))


class TourQuery(PageQuery):
    """What is looked for."""

    category = fields.String(validate=validate.OneOf(CATEGORIES))
    start_place = fields.String(
        data_key="from", metadata={"description": "an airport, its IATA code, a city or a town"}
    )
    end_place = fields.String(data_key="to", metadata={"description": "an airport, its IATA code, a city or a town"})
    date = TravelDay(metadata={"description": "only tours with seats left on that day"})
    passengers = QueryNumber(1, 50)


class DayQuery(FormSchema):
    """The day that seats are counted on."""

    date = TravelDay()


class TourSchema(Schema):
    """A tour on sale."""

    slug = fields.String(attribute="tour.slug", required=True)
    title = fields.Function(lambda offer: offer.tour.title(_language()), required=True, metadata=TEXT_TYPE)
    titles = fields.Dict(attribute="tour.titles", keys=fields.String(), values=fields.String(), required=True)
    description = fields.Function(lambda offer: offer.tour.description(_language()), required=True, metadata=TEXT_TYPE)
    category = fields.String(attribute="tour.category", required=True, validate=validate.OneOf(CATEGORIES))
    city = fields.String(attribute="tour.city", required=True)
    airport = fields.String(attribute="tour.airport", required=True, allow_none=True)
    origin = fields.String(attribute="tour.origin", required=True)
    destination = fields.String(attribute="tour.destination", required=True)
    distanceKm = fields.Integer(attribute="tour.distance_km", required=True, allow_none=True)
    durationMinutes = fields.Integer(attribute="tour.duration_minutes", required=True)
    maxPassengers = fields.Integer(attribute="tour.max_passengers", required=True)
    price = amount()
    currency = fields.String(attribute="tour.currency", required=True, validate=validate.OneOf(CURRENCIES))
    perPerson = fields.Function(
        lambda offer: is_per_person(offer.tour.category),
        required=True,
        metadata={"type": "boolean", "description": "false where the price is for the car"},
    )
    seatsLeft = fields.Integer(
        attribute="seats_left",
        required=True,
        allow_none=True,
        metadata={"description": "On the day asked for; null without a day, or where seats are not counted."},
    )


class ExtraSchema(Schema):
    """What can be added to a booking."""

    code = fields.String(required=True)
    title = fields.Function(lambda extra: extra.title(_language()), required=True, metadata=TEXT_TYPE)
    price = amount()
    currency = fields.String(required=True)
    maxQuantity = fields.Integer(attribute="max_quantity", required=True)


class TourDetailsSchema(TourSchema):
    """A tour with what can be added to it."""

    extras = fields.List(fields.Nested(ExtraSchema), required=True)


class TourPageSchema(Schema):
    """Some of the tours that were found."""

    tours = fields.List(fields.Nested(TourSchema), required=True)
    count = fields.Integer(required=True, metadata={"description": "How many are in this answer."})
    total = fields.Integer(required=True)


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
    count_search()
    search = TourSearch(
        category=wanted.get("category"),
        start=wanted.get("start_place"),
        end=wanted.get("end_place"),
        day=wanted.get("date"),
        passengers=wanted.get("passengers"),
    )
    found = find_tours(search, *page_bounds(wanted))
    return {"tours": found.offers, "count": len(found.offers), "total": found.total}


@blueprint.endpoint("GET", "/<string:slug>", TourDetailsSchema, query=DayQuery, errors=(404,), message="The tour.")
def get_tour(wanted: dict[str, Any], slug: str) -> TourDetails:
    """One tour, with the extras that can be booked with it."""
    offer = offer_of(tour_of_slug(slug), wanted.get("date"))
    return TourDetails(offer.tour, offer.price, offer.seats_left, extras_on_sale(offer.tour))


def _language() -> str:
    return str(get_locale())
