"""A form made from a marshmallow schema, and the data that such a form sends back.

Nested schemas become fields with dotted names (`filters.status`). An empty field is left out of the data, so that
the schema's own defaults and its own words for what is missing hold.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext
from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict

from gnb.blueprints.shared.describe import choice_label, field_label
from gnb.blueprints.shared.formatting import capital, parse_int, replace_surrogates, split_identifier
from gnb.blueprints.shared.preferences import page_language
from gnb.messages import localize
from gnb.models import Tour, db


@dataclass(frozen=True)
class FormField:
    """One input: how it is drawn and what it holds."""

    name: str
    label: str
    kind: str = "text"
    value: Any = None
    required: bool = False
    choices: tuple[tuple[Any, Any], ...] = ()
    hint: str = ""
    errors: tuple[str, ...] = ()
    min: Any = None
    max: Any = None
    step: str | None = None
    rows: int = 4
    placeholder: str = ""
    blank: str = ""
    autocomplete: str = "off"
    suggestions: tuple[tuple[Any, Any], ...] = ()
    """Values that a free input offers, each with its label."""


def form_fields(schema: Schema, values: Mapping[str, Any], errors: Mapping[str, Any]) -> list[FormField]:
    """Return the inputs of ``schema`` filled with ``values`` (nested data) and its ``errors`` (marshmallow's)."""
    return [
        _form_field(path, field, _at(values, path), messages_of(_at(errors, path)), optional)
        for path, field, optional in _leaves(schema)
    ]


def other_errors(schema: Schema, errors: Mapping[str, Any]) -> list[str]:
    """Return the words of those errors that belong to no input, each with the name it came under."""
    known = {path.partition(".")[0] for path, _, _ in _leaves(schema)}
    loose = {name: words for name, words in errors.items() if name not in known}
    return [
        message if name == "_schema" else f"{field_label(split_identifier(name))}: {message}"
        for name, words in loose.items()
        for message in messages_of(words)
    ]


def read_form(schema: Schema, form: "MultiDict[str, str]") -> dict[str, Any]:
    """Return the nested data of a sent form, as JSON types, for the schema to load."""
    data: dict[str, Any] = {}
    for path, field, _ in _leaves(schema):
        value = _read(field, form.getlist(path))
        if value is not None:
            _put(data, path, value)
    return data


def _leaves(schema: Schema, prefix: str = "", optional: bool = False) -> Iterator[tuple[str, fields.Field, bool]]:
    """Return path and field of each input, and whether it is part of an object that may be left out."""
    inner = {name for field in schema.load_fields.values() for name in _nested_names(field)}
    for name, field in schema.load_fields.items():
        if name in inner or field.metadata.get("hidden"):
            continue  # the nested schema asks for it
        path = prefix + (field.data_key or name)
        if isinstance(field, fields.Nested) and not field.many and not getattr(field.schema, "many", False):
            yield from _leaves(field.schema, f"{path}.", optional or not field.required)
        else:
            yield path, field, optional


def _nested_names(field: fields.Field) -> set[str]:
    return set(field.schema.load_fields) if isinstance(field, fields.Nested) and not field.many else set()


def _form_field(path: str, field: fields.Field, value: Any, errors: tuple[str, ...], optional: bool) -> FormField:
    kind, choices = _kind(field)
    limits = next((v for v in _validators(field) if isinstance(v, validate.Range)), None)
    return FormField(
        name=path,
        label=_label(path, field),
        kind=kind,
        value=replace_surrogates(shown) if isinstance(shown := _shown(kind, value), str) else shown,
        required=bool(field.required) and not optional,
        choices=choices,
        hint=_hint(field, kind),
        errors=errors,
        min=getattr(limits, "min", None),
        max=getattr(limits, "max", None),
        step=_step(field),
    )


def _label(path: str, field: fields.Field) -> str:
    given = field.metadata.get("label") or field.metadata.get("title")
    return capital(str(given) if given else field_label(split_identifier(path.rpartition(".")[2])))


def _kind(field: fields.Field) -> tuple[str, tuple[tuple[Any, Any], ...]]:
    if words := getattr(field, "choices", None):  # a field that takes one or several of its words
        return "checks", tuple((word, choice_label(word)) for word in words)
    if field.metadata.get("format") == "date":
        return "date", ()
    inner = field.inner if isinstance(field, fields.List) else field
    allowed = next((v for v in _validators(inner) if isinstance(v, validate.OneOf)), None)
    choices = (
        tuple((choice, choice_label(choice)) for choice in allowed.choices if choice is not None) if allowed else ()
    )
    if isinstance(field, fields.List):
        return ("checks" if choices else "textarea"), choices
    if choices:
        return "select", choices
    kinds: list[tuple[type[fields.Field], str]] = [
        (fields.Boolean, "checkbox"),
        (fields.Number, "number"),
        (fields.DateTime, "datetime-local"),
        (fields.Email, "email"),
        (fields.Url, "url"),
        (fields.Mapping, "textarea"),
        (fields.Nested, "textarea"),
    ]
    # A date is a kind of date and time to marshmallow, so it is asked first.
    if isinstance(field, fields.Date):
        return "date", ()
    return next((kind for type_, kind in kinds if isinstance(field, type_)), _text_kind(field)), ()


def _text_kind(field: fields.Field) -> str:
    longest = next((v.max for v in _validators(field) if isinstance(v, validate.Length)), None)
    return "textarea" if longest and longest > 500 else "text"


def _validators(field: fields.Field) -> list[Any]:
    return list(field.validators or [])


def _step(field: fields.Field) -> str | None:
    if isinstance(field, (fields.Decimal, fields.Float)):
        return "any"
    return None


def _hint(field: fields.Field, kind: str) -> str:
    if kind not in ("checks", "select", "date") and (described := field.metadata.get("description")):
        return capital(localize(described))
    if isinstance(field, fields.List) and kind == "textarea":
        return gettext("One per line.")
    if kind == "textarea" and isinstance(field, (fields.Mapping, fields.Nested)):
        return gettext("As JSON.")
    return ""


def _shown(kind: str, value: Any) -> Any:
    if kind == "checks":
        return value if isinstance(value, list) else [] if value is None else [value]
    if kind == "textarea" and isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return "\n".join(str(item) for item in value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if kind == "datetime-local" and isinstance(value, str):
        return value[:16]
    return value


def _read(field: fields.Field, sent: list[str]) -> Any:
    """Return the JSON value of what was sent, or None for an empty input."""
    kind, choices = _kind(field)
    filled = [value.strip() for value in sent if value.strip()]
    if isinstance(field, fields.Boolean):
        return bool(filled)
    if not filled:
        return None
    if kind == "checks" and not isinstance(field, fields.List):
        return filled
    if isinstance(field, fields.List):
        items = filled if choices else [line.strip() for line in filled[0].splitlines() if line.strip()]
        return _json_or_text(filled[0]) if not choices and filled[0].startswith("[") else items
    if kind == "textarea" and isinstance(field, (fields.Mapping, fields.Nested)):
        return _json_or_text(filled[0])
    if isinstance(field, fields.Integer):
        number = parse_int(filled[0], 18)
        return filled[0] if number is None else number
    return filled[0]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(values, Mapping):
            return None
        values = values.get(part)
    return values


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        data = data.setdefault(part, {})
    data[last] = value


def messages_of(words: Any) -> tuple[str, ...]:
    """Return the messages of an error, whatever its nesting."""
    if not words:
        return ()
    if isinstance(words, Mapping):
        return tuple(message for inner in words.values() for message in messages_of(inner))
    if isinstance(words, (list, tuple)):
        return tuple(message for inner in words for message in messages_of(inner))
    return (localize(words),)


def filter_fields(schema: Schema, values: Mapping[str, Any], errors: Mapping[str, Any]) -> list[FormField]:
    """Return the inputs of the schema, as `form_fields` makes them."""
    return [_with_tours(field) for field in form_fields(schema, values, errors)]


def tour_choices() -> list[tuple[int, str]]:
    """Return every tour by its number and name."""
    tours = db.session.scalars(sa.select(Tour).order_by(Tour.name))
    return sorted(((tour.id, tour.listed(page_language())) for tour in tours), key=lambda choice: choice[1])


def _with_tours(field: FormField) -> FormField:
    if field.name.rpartition(".")[2] != "tour":
        return field
    return replace(field, kind="select", hint="", blank=gettext("any"), choices=tuple(tour_choices()))
