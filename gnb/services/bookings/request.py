"""The booking request: one schema for the API and the public form.

    BookingRequestSchema().load({"tour": "ist-fatih", "date": "2027-06-01", "time": "14:30", …}) → BookingRequest

All invalid fields are reported at once, in the reader's language; unknown fields (a price, say) are rejected by name.
Days and times are in Europe/Istanbul.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates_schema

from gnb.extensions import db
from gnb.models import (
    DEFAULT_LANGUAGE,
    HOME_ZONE,
    LANGUAGES,
    PASSENGER_KINDS,
    PAYMENT_METHODS,
    Extra,
    Tour,
    local_day,
    now,
)
from gnb.services.bookings import CurrencyMismatch, TourNotFound
from gnb.services.bookings.fields import (
    Choice,
    Clock,
    Country,
    Email,
    FlightNumber,
    FormSchema,
    Line,
    Paragraphs,
    Phone,
    PlainLine,
    Quantities,
    TravelDay,
)
from gnb.services.bookings.tours import FARTHEST, tour_of_slug
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
    """A validated booking request. `extras`: quantity by code, without zeros."""

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
    expected_total: Decimal | None = None
    """The price that the customer was shown."""

    @property
    def party(self) -> Party:
        """The number of travellers by kind."""
        kinds = Counter(passenger.kind for passenger in self.passengers)
        return Party(kinds["adult"], kinds["child"], kinds["infant"])


class TourField(Line):
    """The slug of a tour on sale, such as `ist-fatih`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, Tour):
            return value
        try:
            return tour_of_slug(super()._deserialize(value, attr, data, **kwargs))
        except TourNotFound as error:
            raise ValidationError(error.message) from None


class PassengerSchema(FormSchema):
    """One traveller; Turkish rules require every passenger's name."""

    name = PlainLine(LONGEST_NAME, required=True, metadata={"description": "as in the travel document"})
    kind = Choice(PASSENGER_KINDS, load_default="adult")
    nationality = Country(load_default=None, allow_none=True, metadata={"description": "ISO 3166, two letters"})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewPassenger:
        return NewPassenger(data["name"], data["kind"], data["nationality"] or None)


def _check_amount(amount: Decimal) -> None:
    """Raise ValidationError beyond any booking’s total; a Range would give the API’s text numeric bounds."""
    validate.Range(0, 10**9)(amount)


class BookingRequestSchema(FormSchema):
    """The fields of a booking request. `at` is the time that counts as now."""

    tour = TourField(100, required=True, metadata={"description": "its slug"})
    date = TravelDay(required=True)
    time = Clock(required=True, metadata={"description": "in Europe/Istanbul"})
    pickup_place = PlainLine(LONGEST_PLACE, data_key="pickupPlace", required=True)
    dropoff_place = PlainLine(LONGEST_PLACE, data_key="dropoffPlace", load_default=None, allow_none=True)
    flight_number = FlightNumber(data_key="flightNumber", load_default=None, allow_none=True)
    passengers = fields.List(
        fields.Nested(PassengerSchema),
        required=True,
        error_messages={"invalid": _l("A list of passengers is expected.")},
    )
    extras = Quantities(load_default=dict, metadata={"description": "how many of each extra, by its code"})
    contact_name = PlainLine(LONGEST_NAME, data_key="contactName", required=True)
    contact_email = Email(data_key="contactEmail", required=True)
    contact_phone = Phone(data_key="contactPhone", required=True)
    payment_method = Choice(PAYMENT_METHODS, data_key="paymentMethod", required=True)
    language = Choice(LANGUAGES, load_default=DEFAULT_LANGUAGE)
    notes = Paragraphs(LONGEST_NOTES, load_default=None, allow_none=True)
    expected_total = fields.Decimal(
        data_key="expectedTotal",
        load_default=None,
        allow_none=True,
        validate=_check_amount,
        metadata={"type": "string", "description": "The total that was quoted: 409 if the price is another one now."},
    )

    def __init__(self, *, at: datetime | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._at = at

    @pre_load
    def _limit_passengers(self, data: Any, **_: Any) -> Any:
        """Reject a list of too many passengers before each of them is loaded."""
        if isinstance(data, Mapping) and isinstance(named := data.get("passengers"), list):
            return {**data, "passengers": named[: MOST_PASSENGERS + 1]}
        return data

    @validates_schema(skip_on_field_errors=False)
    def _time_can_be_booked(self, data: dict[str, Any], **_: Any) -> None:
        at = self._at or now()
        if "date" in data and "time" in data:
            pickup_at(data["date"], data["time"], at)
        elif "date" in data:
            check_day(data["date"], local_day(at))

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
            missing["flightNumber"] = [gettext("Enter the flight, like TK1984: we track its arrival.")]
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
        data["pickup_at"] = local_instant(data.pop("date"), data.pop("time"))
        for name in ("dropoff_place", "flight_number", "notes"):
            data[name] = data[name] or None
        data["passengers"] = tuple(data["passengers"])
        data["extras"] = {code: count for code, count in sorted(data["extras"].items()) if count}
        return BookingRequest(**data)


def _refusal(extra: Extra | None, count: int, tour: Tour | None) -> str | None:
    """Return why so many of the extra cannot be booked, or None if they can."""
    if extra is None:
        return gettext("There is no such extra.")
    if not 0 <= count <= extra.max_quantity:
        return gettext("Between 0 and %(most)s of it can be had.", most=extra.max_quantity)
    if tour and count and extra.currency != tour.currency:
        return str(CurrencyMismatch(extra.code, extra.currency, tour.currency))
    return None


NOTICE = timedelta(hours=2)
"""A car needs this long to be found and to come."""


def local_instant(day: date, clock: time, zone: ZoneInfo = HOME_ZONE) -> datetime | None:
    """Return the instant of a local time, the first of two; None if a clock change skips it."""
    naive = datetime.combine(day, clock)
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == naive else None


def pickup_at(day: date, clock: time, at: datetime) -> datetime:
    """Return the instant of the pickup, as seen from `at`. Raises ValidationError if it cannot be booked."""
    check_day(day, local_day(at))
    instant = local_instant(day, clock)
    if instant is None:
        words = gettext("That time does not exist: the clocks are put forward then. Choose one an hour later.")
        raise ValidationError(words, "time")
    if instant < at + NOTICE:
        words = gettext(
            "We need %(hours)s hours to send a car. Choose a later time.", hours=NOTICE // timedelta(hours=1)
        )
        raise ValidationError(words, "time")
    return instant


def check_day(day: date, first: date) -> None:
    """Raise ValidationError if the day is in the past or too far ahead."""
    if day < first:
        raise ValidationError(gettext("That day is past. Choose today or a later day."), "date")
    if day > first + FARTHEST:
        last = (first + FARTHEST).isoformat()
        raise ValidationError(gettext("That is too far off. Choose a day up to %(last)s.", last=last), "date")
