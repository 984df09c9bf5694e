"""What callers of the job API send."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gnb.queueing import STATES

LONGEST_PAGE = 1000
_FURTHEST = 2**31 - 1
_TEN_YEARS = 10 * 365 * 86_400_000
_READABLE = validate.Regexp(r"[^\x00-\x1f\x7f\ud800-\udfff]*\Z", error="Holds characters that no text has.")
_JOB_ID = validate.Regexp(r"[A-Za-z0-9_-]{1,200}\Z", error="An id is 1 to 200 letters, digits, dashes and underscores.")


def _place(**options: Any) -> fields.Integer:
    return fields.Integer(validate=validate.Range(0, _FURTHEST), **options)


def _text(**options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(1, 200), _READABLE], **options)


def _ids() -> fields.List:
    return fields.List(fields.String(validate=_JOB_ID), validate=validate.Length(1, 5000))


class JobQuery(Schema):
    """Which jobs: the places [start, end) of a state, or with `q` those whose id, type or data has the text."""

    state = fields.String(load_default="waiting", validate=validate.OneOf(STATES))
    start = _place(load_default=0)
    end = _place(metadata={"description": "Not included; ten after `start` unless said, at most 1,000 after it."})
    q = _text(metadata={"description": "A text in id, type or data, in any case. `end - start` bounds the answer."})
    cursor = _place(load_default=0, metadata={"description": "Where a search goes on: the last answer's `cursor`."})

    @validates_schema
    def _check_range(self, data: dict[str, Any], **_kwargs: Any) -> None:
        start, end = data["start"], data.get("end", data["start"])
        if end < start:
            raise ValidationError("The end lies before the start.", "end")
        if end - start > LONGEST_PAGE:
            raise ValidationError(f"At most {LONGEST_PAGE:,} jobs at once.", "end")


class NewJob(Schema):
    """A job to enqueue."""

    type = fields.String(required=True, validate=[validate.Length(1, 100), _READABLE])
    data = fields.Dict(keys=fields.String(), load_default=dict)
    options = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={
            "description": "priority, attempts, backoff, delay, timeout, job_id, repeat, remove_on_complete, "
            "remove_on_fail; durations in seconds."
        },
    )


class Chosen(Schema):
    """Which failed jobs: those of `ids`, those that match `q`, or all."""

    ids = _ids()
    q = _text()
    cursor = _place(load_default=0)

    @validates_schema
    def _check_one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "ids" in data and "q" in data:
            raise ValidationError("Give ids or a text, not both.", "q")


class ChosenToRemove(Chosen):
    """Which jobs: those of `ids`, or those of `state` that match `q`."""

    state = fields.String(load_default="failed", validate=validate.OneOf(STATES))

    @validates_schema
    def _check_any(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "ids" not in data and "q" not in data:
            raise ValidationError("Give the jobs' ids, or a text that they have.", "ids")


class Cleaning(Schema):
    """Which finished jobs to remove: those that ended at least `grace` milliseconds ago."""

    grace = fields.Integer(load_default=86_400_000, validate=validate.Range(0, _TEN_YEARS))
    state = fields.String(load_default="completed", validate=validate.OneOf(("completed", "failed")))
    limit = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 1_000_000))


class NewPriority(Schema):
    """Where the job is to wait."""

    priority = fields.Integer(required=True, validate=validate.Range(1, 10))
