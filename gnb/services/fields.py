"""Whole numbers from outside: in JSON they are integers, in a query string decimal digits, always within bounds."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields, validate

LARGEST_INT = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
"""The largest values of PostgreSQL's integer types, and so of ids."""

_DIGITS = re.compile(r"-?[0-9]{1,19}")


class WholeNumber(fields.Integer):
    """An integer from `low` to `high` in JSON; a float, a boolean or a text is rejected."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(low, high), **options)


class QueryNumber(fields.Integer):
    """An integer from `low` to `high` in a query string, which has only texts: ASCII digits, and nothing else."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(low, high), **options)

    def _validated(self, value: Any) -> int:
        if not _DIGITS.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)
