"""Tours as the API shows them. Amounts are text with two decimals, such as "45.00"."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale
from marshmallow import Schema, fields, validate

from gnb.models import CATEGORIES, CURRENCIES
from gnb.services.bookings.catalogue import PAGE_SIZE
from gnb.services.bookings.fields import SpokenSchema, TravelDay
from gnb.services.pricing.quotes import is_per_person

LARGEST_PAGE = 200
TEXT = {"type": "string"}


def amount(**options: Any) -> fields.Decimal:
    """An amount of money."""
    return fields.Decimal(places=2, as_string=True, required=True, **options)


class PageQuery(SpokenSchema):
    """Which part of a list: from `start` up to, not including, `end`."""

    start = fields.Integer(load_default=0, validate=validate.Range(0, 10**9))
    end = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 10**9))


def part_of(wanted: dict[str, Any], size: int = PAGE_SIZE) -> tuple[int, int]:
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
    passengers = fields.Integer(validate=validate.Range(1, 50))


class DayQuery(SpokenSchema):
    """The day that seats are counted on."""

    date = TravelDay()


class TourSchema(Schema):
    """A tour on sale."""

    slug = fields.String(attribute="tour.slug", required=True)
    title = fields.Function(lambda offer: offer.tour.title(_language()), required=True, metadata=TEXT)
    titles = fields.Dict(attribute="tour.titles", keys=fields.String(), values=fields.String(), required=True)
    description = fields.Function(lambda offer: offer.tour.description(_language()), required=True, metadata=TEXT)
    category = fields.String(attribute="tour.category", required=True, validate=validate.OneOf(CATEGORIES))
    city = fields.String(attribute="tour.city", required=True)
    airport = fields.String(attribute="tour.airport", required=True, allow_none=True)
    origin = fields.String(attribute="tour.origin", required=True)
    destination = fields.String(attribute="tour.destination", required=True)
    distanceKm = fields.Integer(attribute="tour.distance_km", required=True, allow_none=True)
    durationMinutes = fields.Integer(attribute="tour.duration_minutes", required=True)
    maxPassengers = fields.Integer(attribute="tour.max_passengers", required=True)
    price = amount(attribute="tour.current_price")
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
    title = fields.Function(lambda extra: extra.title(_language()), required=True, metadata=TEXT)
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


def _language() -> str:
    return str(get_locale())
