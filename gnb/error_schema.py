"""The shape of every error that a program is answered: `{"success": false, "error": {…}}`."""

from marshmallow import Schema, fields, validate


class ErrorDetails(Schema):
    """What went wrong: `code` for programs, `message` for people, `details` by field where there are fields."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Raw(required=True, allow_none=True)


class Failure(Schema):
    """The answer to a request that was refused."""

    success = fields.Boolean(required=True, validate=validate.Equal(False))
    error = fields.Nested(ErrorDetails, required=True)
