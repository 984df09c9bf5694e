"""What a selection of bookings tells: figures from SQL, worded by the language model or by templates.

The model sees figures and tours' names alone, no booking and no person; a sentence of its may hold no number but the
figure's that it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, validate

from gnb.extensions import db
from gnb.services.ai import insight_words, wording
from gnb.services.ai.client import Prompt
from gnb.services.ai.figures import Figure, figures
from gnb.services.exports.filters import dump_filters

LONGEST_SENTENCE = 240
MOST_INSIGHTS = 12
_NUMBER = re.compile(r"\d[\d.,:-]*\d|\d")
_RULES = (
    "You report to the operator of a transfer company. Word the figures that matter most, the most important first, one"
    " short sentence each, in the language `language`. Name for each sentence the `key` of the figure it speaks of."
    " Write numbers exactly as the figure's `text` or `name` has them, and no other numbers."
)


class _Sentence(Schema):
    figure = fields.String(required=True)
    text = fields.String(required=True, validate=wording.sentence(LONGEST_SENTENCE))


class _Sentences(Schema):
    insights = fields.List(fields.Nested(_Sentence), required=True, validate=validate.Length(1, MOST_INSIGHTS))


def look_at(asked: Mapping[str, Any], last_attempt: bool) -> dict[str, Any]:
    """The insights, as JSON. `asked` as InsightsRequest loads it. Raises what `wording.word` does."""
    language, filters = asked["answer_language"], asked["filters"]
    known = figures(db.session.connection(), filters, language)
    worded: wording.Worded[list[dict[str, str]]] = wording.Worded(None)
    if len(known) > 1:
        worded = wording.word(_prompt(known, language), lambda said: _checked(said, known), last_attempt)
    by_rules = [{"figure": figure.key, "text": insight_words.sentence(figure, language)} for figure in known]
    return {
        "language": language,
        "filters": dump_filters("bookings-csv", filters),
        "figures": [{"key": one.key, "code": one.code, "name": one.name, "value": one.value} for one in known],
        "insights": worded.content or by_rules,
        "wordedBy": "model" if worded.content else "rules",
        "note": worded.note,
        "usage": worded.usage.as_json() if worded.usage else None,
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
    """The sentences. Raises ValidationError for another shape, an unknown figure, or a number that is not its own."""
    loaded = cast("dict[str, Any]", _Sentences().load(said))
    by_key = {figure.key: figure for figure in known}
    for sentence in loaded["insights"]:
        figure = by_key.get(sentence["figure"])
        if figure is None:
            raise ValidationError("it speaks of a figure that was not among those given")
        own = {_digits(number) for number in _NUMBER.findall(f"{figure.text} {figure.called}")}
        if any(_digits(number) not in own for number in _NUMBER.findall(sentence["text"])):
            raise ValidationError("it holds a number that is not its figure's")
    return cast("list[dict[str, str]]", loaded["insights"])


def _digits(number: str) -> str:
    """The number without the marks that languages write differently."""
    return re.sub(r"\D", "", number)
