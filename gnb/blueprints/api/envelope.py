"""The one shape of the API's answers: `{"success": true, "data": …, "message": "…"}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields

_ENVELOPES: dict[str, Schema] = {}


@dataclass(frozen=True)
class ByName:
    """Data that is an object: for each name what the schema says."""

    schema: type[Schema]


Data = type[Schema] | Schema | ByName | None
"""What an answer carries: one thing, a list (`Thing(many=True)`), things by name, or nothing."""


def enveloped(data: Data) -> Schema:
    """The schema of an answer with such data. One schema for each kind, so that the document names it once."""
    name = _name(data)
    if name not in _ENVELOPES:
        shape = {
            "success": fields.Boolean(required=True),
            "data": _field(data),
            "message": fields.String(required=True),
        }
        _ENVELOPES[name] = Schema.from_dict(shape, name=name)()
    return _ENVELOPES[name]


def _field(data: Data) -> fields.Field[Any]:
    if data is None:
        return fields.Raw(required=True, allow_none=True)
    if isinstance(data, ByName):
        return fields.Dict(keys=fields.String(), values=fields.Nested(data.schema), required=True)
    return fields.Nested(data, required=True)


def _name(data: Data) -> str:
    if data is None:
        return "Done"
    if isinstance(data, ByName):
        return f"{_word(data.schema)}ByNameAnswer"
    if isinstance(data, Schema):
        return f"{_word(type(data))}{'List' if data.many else ''}Answer"
    return f"{_word(data)}Answer"


def _word(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema")
