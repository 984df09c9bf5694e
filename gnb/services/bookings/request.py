"""What one asks for when booking: one schema for the API and for the public form.

    BookingRequestSchema().load({"tour": "ist-fatih", "date": "2027-06-01", "time": "14:30", …}) → BookingRequest

Every wrong field is named at once, in the reader's language; fields that there are not (a price, say) are refused by
name. Days and times are those of Europe/Istanbul.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, post_load, pre_load, validates_schema

from gnb.extensions import db
from gnb.models import DEFAULT_LANGUAGE, LANGUAGES, PASSENGER_KINDS, PAYMENT_METHODS, Extra, Tour, local_day, now
from gnb.services.bookings import times
from gnb.services.bookings.catalogue import tour_of_slug
from gnb.services.bookings.errors import CurrencyMismatch, TourNotFound
from gnb.services.bookings.fields import (
    Choice,
    Clock,
    Country,
    Email,
    FlightNumber,
    Line,
    Paragraphs,
    Phone,
    Quantities,
    SpokenSchema,
    TravelDay,
)
from gnb.services.pricing.quotes import Party, is_per_person

MOST_PASSENGERS = 50
LONGEST_NAME = 200
LONGEST_PLACE = 300
LONGEST_NOTES = 1000


@dataclass(frozen=True)
class NewPassenger:
    """One traveller as named in the travel document."""

    name: str
    kind: str
    nationality: str | None = None


@dataclass(frozen=True)
class BookingRequest:
    """A booking that is asked for, checked. `extras`: how many by code, none of them zero."""

    tour: Tour
    pickup_at: datetime
    pickup_place: str
    passengers: tuple[NewPassenger, ...]
    contact_name: str
    contact_email: str
    contact_phone: str
    payment_method: str
    dropoff_place: str | None = None
    flight_number: str | None = None
    extras: Mapping[str, int] | None = None
    language: str = DEFAULT_LANGUAGE
    notes: str | None = None

    @property
    def party(self) -> Party:
        """How many of each kind travel."""
        kinds = Counter(passenger.kind for passenger in self.passengers)
        return Party(kinds["adult"], kinds["child"], kinds["infant"])

    def digest(self) -> str:
        """A name for what is asked: the same content gives the same one."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "tour"}
        content["passengers"] = [[one.name, one.kind, one.nationality] for one in self.passengers]
        text = json.dumps({**content, "tour": self.tour.id}, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


class TourField(Line):
    """A tour on sale by its address, such as `ist-fatih`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, Tour):
            return value
        try:
            return tour_of_slug(super()._deserialize(value, attr, data, **kwargs))
        except TourNotFound as error:
            raise ValidationError(str(error)) from None


class PassengerSchema(SpokenSchema):
    """One traveller: everyone is named, as Turkish rules want it."""

    name = Line(LONGEST_NAME, required=True, metadata={"description": "as in the travel document"})
    kind = Choice(PASSENGER_KINDS, load_default="adult")
    nationality = Country(load_default=None, allow_none=True, metadata={"description": "ISO 3166, two letters"})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewPassenger:
        return NewPassenger(data["name"], data["kind"], data["nationality"] or None)


class BookingRequestSchema(SpokenSchema):
    """What a booking needs. `at`: the moment that counts as now."""

    tour = TourField(100, required=True, metadata={"description": "its slug"})
    date = TravelDay(required=True)
    time = Clock(required=True, metadata={"description": "in Europe/Istanbul"})
    pickup_place = Line(LONGEST_PLACE, data_key="pickupPlace", required=True)
    dropoff_place = Line(LONGEST_PLACE, data_key="dropoffPlace", load_default=None, allow_none=True)
    flight_number = FlightNumber(data_key="flightNumber", load_default=None, allow_none=True)
    passengers = fields.List(
        fields.Nested(PassengerSchema),
        required=True,
        error_messages={"invalid": _l("A list of passengers is expected.")},
    )
    extras = Quantities(load_default=dict, metadata={"description": "how many of each extra, by its code"})
    contact_name = Line(LONGEST_NAME, data_key="contactName", required=True)
    contact_email = Email(data_key="contactEmail", required=True)
    contact_phone = Phone(data_key="contactPhone", required=True)
    payment_method = Choice(PAYMENT_METHODS, data_key="paymentMethod", required=True)
    language = Choice(LANGUAGES, load_default=DEFAULT_LANGUAGE)
    notes = Paragraphs(LONGEST_NOTES, load_default=None, allow_none=True)

    def __init__(self, *, at: datetime | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._at = at

    @pre_load
    def _one_too_many_is_enough(self, data: Any, **_: Any) -> Any:
        """A list of fifty thousand is refused as soon as one of fifty-one."""
        if isinstance(data, Mapping) and isinstance(named := data.get("passengers"), list):
            return {**data, "passengers": named[: MOST_PASSENGERS + 1]}
        return data

    @validates_schema(skip_on_field_errors=False)
    def _time_can_be_booked(self, data: dict[str, Any], **_: Any) -> None:
        at = self._at or now()
        if "date" in data and "time" in data:
            times.pickup_at(data["date"], data["time"], at)
        elif "date" in data:
            times.check_day(data["date"], local_day(at))

    @validates_schema(skip_on_field_errors=False)
    def _party_fits(self, data: dict[str, Any], **_: Any) -> None:
        passengers, tour = data.get("passengers"), data.get("tour")
        if passengers is None:
            return
        most = min(MOST_PASSENGERS, tour.max_passengers) if tour else MOST_PASSENGERS
        if not passengers:
            raise ValidationError(gettext("Name at least one passenger."), "passengers")
        if len(passengers) > most:
            words = ngettext("At most %(num)s passenger.", "At most %(num)s passengers.", most)
            advice = gettext("Make several bookings for more.")
            raise ValidationError(f"{words} {advice}", "passengers")
        whole = all(isinstance(one, NewPassenger) for one in passengers)
        if whole and not any(one.kind == "adult" for one in passengers):
            raise ValidationError(gettext("At least one passenger is an adult."), "passengers")

    @validates_schema(skip_on_field_errors=False)
    def _road_is_known(self, data: dict[str, Any], **_: Any) -> None:
        tour, missing = data.get("tour"), {}
        if tour is None:
            return
        if tour.airport and "flight_number" in data and not data["flight_number"]:
            missing["flightNumber"] = [gettext("Give the flight, like TK1984: we follow its arrival.")]
        if not is_per_person(tour.category) and "dropoff_place" in data and not data["dropoff_place"]:
            missing["dropoffPlace"] = [gettext("Say where we take you.")]
        if missing:
            raise ValidationError(missing)

    @validates_schema(skip_on_field_errors=False)
    def _extras_are_sold(self, data: dict[str, Any], **_: Any) -> None:
        wanted, tour = data.get("extras") or {}, data.get("tour")
        sold = {extra.code: extra for extra in db.session.scalars(sa.select(Extra).where(Extra.active))}
        wrong = {code: [words] for code, count in wanted.items() if (words := _refusal(sold.get(code), count, tour))}
        if wrong:
            raise ValidationError({"extras": wrong})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> BookingRequest:
        data["pickup_at"] = times.local_instant(data.pop("date"), data.pop("time"))
        for name in ("dropoff_place", "flight_number", "notes"):
            data[name] = data[name] or None
        data["passengers"] = tuple(data["passengers"])
        data["extras"] = {code: count for code, count in sorted(data["extras"].items()) if count}
        return BookingRequest(**data)


def _refusal(extra: Extra | None, count: int, tour: Tour | None) -> str | None:
    """Why so many of the extra cannot be had; None when they can."""
    if extra is None:
        return gettext("There is no such extra.")
    if not 0 <= count <= extra.max_quantity:
        return gettext("Between 0 and %(most)s of it can be had.", most=extra.max_quantity)
    if tour and count and extra.currency != tour.currency:
        return str(CurrencyMismatch(extra.code, extra.currency, tour.currency))
    return None
