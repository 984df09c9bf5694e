"""What each export may be narrowed by: one schema a type, used by the API, the form, the commands and the jobs.

    load_filters("bookings-csv", {"status": "confirmed", "startDate": "2026-01-01"})
    → {"status": ["confirmed"], "start_date": date(2026, 1, 1)}

Days are calendar days in Europe/Istanbul, both ends included: of the pickup for bookings and revenue, of the
registration for users. An instant is taken for the day it falls on there. A field left empty is a field not given.
The rows that loaded filters select are conditions of a query, and a snapshot is what several queries read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, pre_load, validates_schema

from gnb.messages import LocalizedSchema, make_message
from gnb.messages.schema import LARGEST_INT, WholeNumber
from gnb.models import (
    CURRENCIES,
    EXPORT_TYPES,
    LANGUAGES,
    PAYMENT_METHODS,
    REVENUE_STATUSES,
    ROLES,
    STATUSES,
    Booking,
    User,
    local_day,
    local_midnight,
)
from gnb.services.exports import InvalidFilters, UnknownExportType

_DIGITS = re.compile(r"\s*[0-9]{1,19}\s*")


class Words(fields.Field[list[str]]):
    """One of the listed words, or several as a list. Loads to a list in the order of `choices`, without repeats."""

    def __init__(self, choices: tuple[str, ...], aliases: Mapping[str, str] | None = None, **options: Any) -> None:
        metadata = {"description": f"one or several of: {', '.join(choices)}", **options.pop("metadata", {})}
        super().__init__(metadata=metadata, **options)
        self.choices = choices
        self._aliases = aliases or {}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        asked = [value] if isinstance(value, str) else value
        if not isinstance(asked, (list, tuple)) or not all(isinstance(word, str) for word in asked):
            raise ValidationError(make_message("invalid_field.words"))
        asked = [self._aliases.get(word, word) for word in asked]
        unknown = [word for word in asked if word not in self.choices]
        if unknown:
            raise ValidationError(
                make_message("invalid_field.word", value=repr(unknown[0][:60]), choices=list(self.choices))
            )
        return [word for word in self.choices if word in asked]

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value


class Day(fields.Field[date]):
    """A calendar day: `2026-01-31`, or an instant, which counts for the day it falls on in Europe/Istanbul."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if isinstance(value, datetime):
            return local_day(value) if value.tzinfo else value.date()
        if isinstance(value, date):
            return value
        try:
            if len(value) == len("2026-01-31"):
                return date.fromisoformat(value)
            instant = datetime.fromisoformat(value)
            return local_day(instant) if instant.tzinfo else instant.date()
        except (TypeError, ValueError, OverflowError):
            raise ValidationError(make_message("invalid_field.day")) from None

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value.isoformat() if value else None


class Filters(LocalizedSchema):
    """What every export may be narrowed by: a span of days."""

    error_messages = {"unknown": make_message("invalid_field.filter")}

    start_date = Day(data_key="startDate", metadata={"format": "date", "description": "the first day"})
    end_date = Day(data_key="endDate", metadata={"format": "date", "description": "the last day"})

    @pre_load
    def _drop_empty(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if value not in (None, "", [])}

    @validates_schema(skip_on_field_errors=False)
    def _ends_after_start(self, data: dict[str, Any], **_: Any) -> None:
        start, end = data.get("start_date"), data.get("end_date")
        if start and end and end < start:
            raise ValidationError(
                make_message("invalid_field.end_before_start", end=str(end), start=str(start)), "endDate"
            )


class _SoldFilters(Filters):
    tour = WholeNumber(
        1,
        LARGEST_INT,
        error_messages={"invalid": make_message("invalid_field.tour")},
        metadata={"description": _l("a tour's number")},
    )
    payment_method = Words(PAYMENT_METHODS, data_key="paymentMethod")
    currency = Words(CURRENCIES)

    @pre_load
    def _number_from_a_form(self, data: Any, **_: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(tour := data.get("tour"), str) and _DIGITS.fullmatch(tour):
            return {**data, "tour": int(tour)}
        return data


class BookingsFilters(_SoldFilters):
    """For exports of bookings. `language` is the customer's."""

    status = Words(STATUSES)
    language = Words(LANGUAGES)


class RevenueFilters(_SoldFilters):
    """For exports of revenue, which count confirmed, paid and completed bookings only."""

    status = Words(REVENUE_STATUSES)


class UsersFilters(Filters):
    """For exports of accounts. The role `customer` is another name for `user`."""

    role = Words(ROLES, aliases={"customer": "user"})
    language = Words(LANGUAGES)


FILTERS: dict[str, type[Filters]] = {
    "bookings-csv": BookingsFilters,
    "users-csv": UsersFilters,
    "revenue-csv": RevenueFilters,
    "bookings-xlsx": BookingsFilters,
    "users-xlsx": UsersFilters,
    "revenue-xlsx": RevenueFilters,
    "bookings-pdf": BookingsFilters,
    "revenue-pdf": RevenueFilters,
}


def load_filters(export_type: str, filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the filters as queries take them. Raises UnknownExportType, or InvalidFilters naming each field."""
    schema = filters_schema(export_type)
    try:
        loaded: dict[str, Any] = schema.load({} if filters is None else filters)
    except ValidationError as error:
        raise InvalidFilters(error.normalized_messages()) from None
    return loaded


def dump_filters(export_type: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Loaded filters as JSON holds them: what `load_filters` takes."""
    dumped: dict[str, Any] = filters_schema(export_type).dump(filters)
    return dumped


def filters_schema(export_type: str) -> Filters:
    """Return the schema of the type's filters. Raises UnknownExportType."""
    if export_type not in FILTERS:
        raise UnknownExportType(value=repr(str(export_type)[:60]), choices=EXPORT_TYPES)
    return FILTERS[export_type]()


Conditions = list[sa.ColumnElement[bool]]
_NO_REVENUE = tuple(status for status in STATUSES if status not in REVENUE_STATUSES)


def booking_conditions(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select bookings."""
    conditions: Conditions = []
    for name, column in (
        ("status", Booking.status),
        ("payment_method", Booking.payment_method),
        ("language", Booking.language),
        ("currency", Booking.currency),
    ):
        if name in filters:
            conditions.append(column.in_(filters[name]))
    if "tour" in filters:
        conditions.append(Booking.tour_id == filters["tour"])
    if "start_date" in filters:
        conditions.append(Booking.travel_date >= filters["start_date"])
    if "end_date" in filters:
        conditions.append(Booking.travel_date <= filters["end_date"])
    return conditions


def revenue_conditions(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select, of the bookings that the filters select, those that count as revenue."""
    # NOT IN, because most bookings count, and SQLite would read each of them through the index of statuses.
    return [Booking.status.not_in(_NO_REVENUE), *booking_conditions(filters)]


def user_conditions(filters: Mapping[str, Any]) -> Conditions:
    """Return the conditions that select accounts."""
    conditions: Conditions = []
    if "role" in filters:
        conditions.append(User.role.in_(filters["role"]))
    if "language" in filters:
        conditions.append(User.language.in_(filters["language"]))
    if "start_date" in filters:
        conditions.append(User.created_at >= local_midnight(filters["start_date"]))
    if filters.get("end_date", date.max) < date.max:
        conditions.append(User.created_at < local_midnight(filters["end_date"] + timedelta(days=1)))
    return conditions


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a read-only connection whose queries all read the same state of the database.

    SQLite's driver starts no transaction for a SELECT by itself, so each query would read a state of its own.
    """
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            # Just-in-time compilation costs more than it gains for rows that are only copied.
            connection.exec_driver_sql("SET LOCAL jit = off")
            yield connection
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()
