"""Insights into a selection of bookings: figures from SQL, worded by the language model or by templates.

The model gets figures and tour names only, no booking and no person. A sentence of the model may contain no number
other than those of the figure it describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa
from babel.dates import format_date
from babel.numbers import format_decimal
from marshmallow import ValidationError, fields, validate

from gnb.extensions import db
from gnb.messages import LocalizedSchema, make_message
from gnb.messages.formats import percent, text_language
from gnb.models import Booking, Tour, localized
from gnb.services.ai import language_model, texts
from gnb.services.ai.language_model import Prompt
from gnb.services.exports import revenue
from gnb.services.exports.filters import booking_conditions, dump_filters

LONGEST_SENTENCE = 240
MOST_INSIGHTS = 12
_NUMBER = re.compile(r"\d[\d.,:-]*\d|\d")
_RULES = (
    "You report to the operator of a transfer company. Word the figures that matter most, the most important first, one"
    " short sentence each, in the language `language`. Name for each sentence the `key` of the figure it speaks of."
    " Write numbers exactly as the figure's `text` or `name` has them, and no other numbers."
)


class _Sentence(LocalizedSchema):
    figure = fields.String(required=True)
    text = fields.String(required=True, validate=language_model.sentence(LONGEST_SENTENCE))


class _Sentences(LocalizedSchema):
    insights = fields.List(fields.Nested(_Sentence), required=True, validate=validate.Length(1, MOST_INSIGHTS))


def compute(asked: Mapping[str, Any], last_attempt: bool) -> dict[str, Any]:
    """Return the insights as JSON. `asked` is loaded by InsightsRequest. Raises what `language_model.word` does."""
    language, filters = asked["answer_language"], asked["filters"]
    known = figures(db.session.connection(), filters, language)
    worded: language_model.Worded[list[dict[str, str]]] = language_model.Worded(None)
    if len(known) > 1:
        worded = language_model.word(_prompt(known, language), lambda said: _checked(said, known), last_attempt)
    by_rules = [{"figure": figure.key, "text": texts.figure_sentence(figure, language)} for figure in known]
    return {
        "language": language,
        "filters": dump_filters("bookings-csv", filters),
        "figures": [one.as_json() for one in known],
        "insights": worded.content or by_rules,
        "wordedBy": "model" if worded.content else "rules",
        **worded.remarks(),
    }


def _prompt(known: Sequence[Figure], language: str) -> Prompt:
    sentence = {
        "type": "object",
        "properties": {
            "figure": {"type": "string", "enum": [figure.key for figure in known]},
            "text": {"type": "string"},
        },
        "required": ["figure", "text"],
        "additionalProperties": False,
    }
    shape = {
        "type": "object",
        "properties": {"insights": {"type": "array", "items": sentence}},
        "required": ["insights"],
        "additionalProperties": False,
    }
    material = [{"key": one.key, "what": one.code, "name": one.called, "text": one.text} for one in known]
    return Prompt("worded_figures", _RULES, {"language": language, "figures": material}, shape)


def _checked(said: dict[str, Any], known: Sequence[Figure]) -> list[dict[str, str]]:
    """Return the model's sentences; raise ValidationError for another shape, an unknown figure, or a foreign number."""
    loaded = cast("dict[str, Any]", _Sentences().load(said))
    by_key = {figure.key: figure for figure in known}
    for sentence in loaded["insights"]:
        figure = by_key.get(sentence["figure"])
        if figure is None:
            raise ValidationError(make_message("unusable_answer.foreign_figure"))
        own = {_digits(number) for number in _NUMBER.findall(f"{figure.text} {figure.called}")}
        if any(_digits(number) not in own for number in _NUMBER.findall(sentence["text"])):
            raise ValidationError(make_message("unusable_answer.foreign_number"))
    return cast("list[dict[str, str]]", loaded["insights"])


def _digits(number: str) -> str:
    """Return the digits of a number, without separators, which differ between languages."""
    return re.sub(r"\D", "", number)


TOP = 3


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        code: What is counted.
        name: The thing that is counted, where there are several.
        value: The number; an amount of money is a Decimal.
        text: The number as a sentence writes it.
        name_in_words: The name as a sentence writes it, if different.
    """

    code: str
    name: str
    value: float | Decimal
    text: str
    name_in_words: str = ""

    @property
    def called(self) -> str:
        """The name as a sentence writes it."""
        return self.name_in_words or self.name

    @property
    def key(self) -> str:
        """The key by which an insight refers to the figure."""
        return f"{self.code}:{self.name}" if self.name else self.code

    def as_json(self) -> dict[str, Any]:
        """Return what an answer has of the figure; an amount as an exact string."""
        value = str(self.value) if isinstance(self.value, Decimal) else self.value
        return {"key": self.key, "code": self.code, "name": self.name, "value": value}


def figures(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    """Return bookings, guests, cancellations, revenue by currency, the top tours and the busiest day, formatted for a
    language."""
    written = text_language(language)
    totals = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(Booking.guests), 0),
            sa.func.coalesce(sa.func.sum(sa.case((Booking.status == "cancelled", 1), else_=0)), 0),
            sa.func.coalesce(sa.func.avg(sa.case((Booking.user_id.is_not(None), 100.0), else_=0.0)), 0),
        )
        .select_from(Booking)
        .where(*booking_conditions(filters))
    ).one()
    count, guests, cancelled, with_account = totals
    found = [_count("bookings", "", count, written)]
    if not count:
        return found
    found += [
        _count("guests", "", int(guests), written),
        _share("cancelled", 100 * int(cancelled) / count, written),
        _share("with-account", float(with_account), written),
    ]
    found += _revenue(connection, filters, written)
    return found + _best_tours(connection, filters, written) + _busiest(connection, filters, written)


def _count(code: str, name: str, value: int, language: str, name_in_words: str = "") -> Figure:
    return Figure(code, name, value, format_decimal(value, locale=language), name_in_words)


def _share(code: str, value: float, language: str) -> Figure:
    return Figure(code, "", round(value, 1), percent(round(value, 1), language))


def _revenue(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    found = []
    for total in sorted(revenue.by_currency(connection, filters), key=lambda each: each.name):
        for code, amount in (("revenue", total.revenue), ("average", total.average)):
            text = f"{format_decimal(amount, '#,##0.00', locale=language)} {total.name}"
            found.append(Figure(code, total.name, amount, text))
    return found


def _best_tours(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Tour.name, Tour.titles, number)
        .join(Booking, Booking.tour_id == Tour.id)
        .where(*booking_conditions(filters), Booking.status != "cancelled")
        .group_by(Tour.id, Tour.name)
        .order_by(number.desc(), Tour.name)
        .limit(TOP)
    )
    return [_count("tour", name, count, language, localized(titles, language)) for name, titles, count in rows]


def _busiest(connection: sa.Connection, filters: Mapping[str, Any], language: str) -> list[Figure]:
    number = sa.func.count()
    rows = connection.execute(
        sa.select(Booking.travel_date, number)
        .where(*booking_conditions(filters), Booking.status != "cancelled")
        .group_by(Booking.travel_date)
        .order_by(number.desc(), Booking.travel_date)
        .limit(1)
    )
    return [
        _count("busiest-day", day.isoformat(), count, language, format_date(day, "d MMMM y", locale=language))
        for day, count in rows
    ]
