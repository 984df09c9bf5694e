"""The search: from, to, day and passengers as query parameters, and the places that can be chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext
from marshmallow import EXCLUDE, ValidationError, fields

from gnb.blueprints.shared.preferences import page_language
from gnb.blueprints.shared.text import parse_int
from gnb.extensions import db
from gnb.messages import localize
from gnb.models import CATEGORIES, Tour, local_day, now
from gnb.services import places
from gnb.services.bookings import tours
from gnb.services.bookings.fields import Choice, FormSchema, Line, TravelDay
from gnb.services.bookings.request import MOST_PASSENGERS, check_day
from gnb.services.bookings.tours import TourSearch
from gnb.services.places import place_name

_CODE = re.compile(r"^.*\(([A-Z]{3})\)$", re.DOTALL)
PARAMETERS = ("from", "to", "date", "passengers", "category")


class _Passengers(fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = parse_int(str(value).strip())
        if number is None or not 1 <= number <= MOST_PASSENGERS:
            raise ValidationError(gettext("Choose 1 to %(most)s passengers.", most=MOST_PASSENGERS))
        return number


class _SearchSchema(FormSchema):
    class Meta:
        unknown = EXCLUDE

    start = Line(places.LONGEST_NAME, data_key="from")
    end = Line(places.LONGEST_NAME, data_key="to")
    day = TravelDay(data_key="date")
    passengers = _Passengers()
    category = Choice(CATEGORIES)


@dataclass(frozen=True)
class Search:
    """What was typed, what of it can be searched for, and what is wrong with the rest, by parameter."""

    typed: dict[str, str]
    wanted: TourSearch
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def carried(self) -> dict[str, str]:
        """What a link to a tour takes along, so that day and party need not be typed again."""
        return {name: self.typed[name] for name in ("date", "passengers") if name in self.typed}

    @property
    def first_day(self) -> str:
        return local_day(now()).isoformat()

    @property
    def last_day(self) -> str:
        return (local_day(now()) + tours.FARTHEST).isoformat()


def requested_search() -> Search:
    """Return the search of this request; an invalid parameter is reported and left out."""
    typed = {name: text for name in PARAMETERS if (text := request.args.get(name, "").strip())}
    messages: dict[str, Any] = {}
    try:
        # A name chosen from the list ends with its airport's code, which says it better.
        found = _SearchSchema().load({name: _CODE.sub(r"\1", text) for name, text in typed.items()})
    except ValidationError as error:
        messages, found = dict(error.normalized_messages()), dict(error.valid_data)  # type: ignore[arg-type]
    if found.get("day"):
        try:
            check_day(found["day"], local_day(now()))
        except ValidationError as error:
            del found["day"]
            messages.update(error.normalized_messages())
    return Search(
        typed, TourSearch(**found), {name: " ".join(map(localize, words)) for name, words in messages.items()}
    )


def place_names() -> list[str]:
    """Return the origins and destinations of the tours on sale."""
    columns = (Tour.origin, Tour.destination, Tour.city)
    ends = sa.union(*(sa.select(column.label("place")).where(Tour.active) for column in columns))
    return sorted({place_label(place) for place in db.session.scalars(ends)}, key=places.plain)


def place_label(place: str) -> str:
    """Return the name of a tour's place in the page's language."""
    return place_name(place, page_language())
