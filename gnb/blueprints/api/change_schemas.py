"""What a change to many jobs, or to a queue, answers."""

from __future__ import annotations

from marshmallow import Schema, fields


class CountSchema(Schema):
    """How many jobs were moved."""

    count = fields.Integer(required=True)


class MovedSchema(Schema):
    """How many jobs were moved; a search that looked at its share of jobs says where the next call goes on."""

    count = fields.Integer(required=True)
    cursor = fields.Integer(required=True, allow_none=True)


class SwitchedSchema(Schema):
    """A queue that runs or is paused."""

    queue = fields.String(required=True)
    paused = fields.Boolean(required=True)
