"""The request schemas of the queue `ai`, one per job type, used by the jobs, the API and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from gnb.models import HOME_ZONE, LANGUAGES
from gnb.services import places
from gnb.services.exports.filters import BookingsFilters
from gnb.services.fields import LARGEST_INT, WholeNumber

MOST_RECOMMENDATIONS = 10
_YEARS = range(2000, 2101)


class PlaceName(fields.String):
    """The name or IATA code of a Turkish airport, or the name of a province or town; errors list similar names."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, places.LONGEST_NAME), _known_place], **options)


def _known_place(name: str) -> None:
    try:
        places.find(name)
    except places.UnknownPlace as error:
        raise ValidationError(str(error)) from None


class Moment(fields.Field[datetime]):
    """An ISO 8601 instant, in Europe/Istanbul unless it has an offset; loads to an aware datetime there."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=HOME_ZONE) if moment.tzinfo is None else moment.astimezone(HOME_ZONE)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError("an instant is written like 2026-12-24T17:30:00+03:00") from None
        if moment.year not in _YEARS:
            raise ValidationError(f"the year is not between {_YEARS[0]} and {_YEARS[-1]}")
        return moment

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value.isoformat() if value else None


class DelayRiskRequest(Schema):
    """Data of `delay-risk`: a route and the pickup time."""

    origin = PlaceName(required=True, metadata={"description": "an airport, a province or a town"})
    destination = PlaceName(required=True, metadata={"description": "an airport, a province or a town"})
    scheduled_time = Moment(
        data_key="scheduledTime", required=True, metadata={"format": "date-time", "description": "the planned pickup"}
    )
    language = fields.String(load_default="en", validate=validate.OneOf(LANGUAGES))

    @validates_schema(skip_on_field_errors=True)
    def _goes_somewhere(self, data: dict[str, Any], **_: Any) -> None:
        if places.find(data["origin"]) == places.find(data["destination"]):
            raise ValidationError("this is where the trip begins", "destination")


class _RecommendationOptions(Schema):
    class Meta:
        unknown = EXCLUDE

    language = fields.String(validate=validate.OneOf(LANGUAGES))
    limit = WholeNumber(1, MOST_RECOMMENDATIONS, load_default=5)


class RecommendationsRequest(Schema):
    """Data of `package-recommendations`: the customer. The language defaults to the account's."""

    user_id = WholeNumber(1, LARGEST_INT, data_key="userId", required=True)
    options = fields.Nested(_RecommendationOptions, load_default=lambda: {"limit": 5})


class InsightsRequest(BookingsFilters):
    """Data of `batch-insights`: booking filters as in an export, at the top level or under `filters`."""

    filters = fields.Nested(BookingsFilters)
    answer_language = fields.String(data_key="answerLanguage", load_default="en", validate=validate.OneOf(LANGUAGES))

    @pre_load
    def _given_once(self, data: Any, **_: Any) -> Any:
        if isinstance(data, Mapping) and "filters" in data:
            twice = sorted(set(data) - {"filters", "answerLanguage", "type"})
            if twice:
                raise ValidationError("given beside `filters`; put it in there", twice[0])
        return data

    @post_load
    def _gather(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        language = data.pop("answer_language")
        return {"filters": data.pop("filters", data), "answer_language": language}
