"""The schema of every request and every job's data, and whole numbers within bounds: their errors have codes.

marshmallow writes its errors in English. A `LocalizedSchema` replaces its templates by ones that become a `Message`, so
that the edge can say them in the reader's language.
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from gnb.queueing.messages import Message

N_ = str  # marks a text that is collected for translation

FIELD_TEXTS = {
    "field.boolean": N_("Not a valid boolean."),
    "field.choice": N_("Must be one of: %(choices)s."),
    "field.date": N_("Not a valid date."),
    "field.datetime": N_("Not a valid %(obj_type)s."),
    "field.email": N_("Not a valid email address."),
    "field.integer": N_("Not a valid integer."),
    "field.invalid": N_("Invalid value."),
    "field.length": N_("Length must be between %(min)s and %(max)s."),
    "field.list": N_("Not a valid list."),
    "field.mapping": N_("Not a valid mapping type."),
    "field.max": N_("Must be less than or equal to %(max)s."),
    "field.max_length": N_("Longer than maximum length %(max)s."),
    "field.min": N_("Must be greater than or equal to %(min)s."),
    "field.min_length": N_("Shorter than minimum length %(min)s."),
    "field.nested": N_("Invalid type."),
    "field.null": N_("Field may not be null."),
    "field.number": N_("Not a valid number."),
    "field.range": N_("Must be greater than or equal to %(min)s and less than or equal to %(max)s."),
    "field.regexp": N_("String does not match expected pattern."),
    "field.required": N_("Missing data for required field."),
    "field.string": N_("Not a valid string."),
    "field.too_large": N_("Number too large."),
    "field.type": N_("Invalid input type."),
    "field.unknown": N_("Unknown field."),
    "field.url": N_("Not a valid URL."),
}
"""marshmallow's own texts by code, with its `{name}` written `%(name)s`."""

_CODES = {re.sub(r"%\((\w+)\)s", r"{\1}", text): code for code, text in FIELD_TEXTS.items()}
_VALIDATOR_TEXTS = ("error", "message_min", "message_max", "message_all")


class _Template(Message):
    """A template of marshmallow's: its `format` returns a message."""

    def format(self, *_: object, **params: Any) -> Message:
        """Return the message with the params that its text names."""
        text = str(self)
        return Message(
            text.format(**params), self.code, {name: str(params[name]) for name in re.findall(r"\{(\w+)\}", text)}
        )


def _template(text: Any) -> Any:
    code = _CODES.get(text) if isinstance(text, str) and not isinstance(text, Message) else None
    return _Template(text, code) if code else text


class LocalizedSchema(Schema):
    """A schema whose errors can be said in the reader's language."""

    error_messages = {
        "type": _Template(FIELD_TEXTS["field.type"], "field.type"),
        "unknown": _Template(FIELD_TEXTS["field.unknown"], "field.unknown"),
    }

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Replace marshmallow's texts in the field and its validators."""
        field_obj.error_messages = {key: _template(text) for key, text in field_obj.error_messages.items()}
        if isinstance(field_obj, fields.List):
            self.on_bind_field(field_name, field_obj.inner)
        for validator in field_obj.validators:
            for name in _VALIDATOR_TEXTS:
                if hasattr(validator, name):
                    setattr(validator, name, _template(getattr(validator, name)))

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Make text of what is lazily translated."""
        error.messages = _texts(error.messages)


def _texts(messages: Any) -> Any:
    if isinstance(messages, dict):
        return {key: _texts(value) for key, value in messages.items()}
    if isinstance(messages, list):
        return [_texts(value) for value in messages]
    return messages if isinstance(messages, str) else str(messages)


LARGEST_INT = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
"""The largest values of PostgreSQL's integer types, and so of ids."""

_DIGITS = re.compile(r"-?[0-9]{1,19}")


class WholeNumber(fields.Integer):
    """An integer from `low` to `high` in JSON; a float, a boolean or a text is rejected."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(low, high), **options)


class JsonBoolean(fields.Boolean):
    """`true` or `false` in JSON; marshmallow also takes 0, 1 and texts."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryNumber(fields.Integer):
    """An integer from `low` to `high` in a query string, which has only texts: ASCII digits, and nothing else."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **options)

    def _validated(self, value: Any) -> int:
        if not _DIGITS.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)
