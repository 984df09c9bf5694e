"""Callbacks: `on_success` and `on_failure` name a declared job type, which is enqueued in the step that ends the job.

    queue.enqueue("bookings-csv", {}, on_failure="email/export-failed")

A type of another queue is named with its queue. The callback's data is a `JobOutcome`; it depends on the job that
ended, so `context.parents()` gives what that returned. A job that is retried and fails again calls back again.
"""

import json
from typing import Any

from marshmallow import Schema, fields, validate

from .errors import InvalidJobData, InvalidJobOption, UnknownJobType
from .job_types import JobType, JobTypes


class JobOutcome(Schema):
    """The data of a callback: which job ended, and how. `error` is one line, empty unless it failed."""

    job_id = fields.String(data_key="jobId", required=True)
    queue = fields.String(required=True)
    job_type = fields.String(data_key="jobType", required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("completed", "failed", "stopped")))
    error = fields.String(required=True)


_SAMPLE = {"jobId": "1", "queue": "q", "jobType": "t", "outcome": "completed", "error": ""}


def callback_type(types: JobTypes, queue: str, name: str, option: str) -> JobType:
    """Return the type that "type" or "queue/type" names.

    Raises InvalidJobOption if there is none, or if its data is no `JobOutcome`.
    """
    its_queue, _, type_name = name.rpartition("/")
    try:
        job_type = types.get(its_queue or queue, type_name)
        job_type.load(_SAMPLE)
    except UnknownJobType as error:
        raise InvalidJobOption(f"{option} is {name!r}; {error}") from None
    except InvalidJobData:
        raise InvalidJobOption(f"{option} is {name!r}, whose data is not the outcome of a job") from None
    return job_type


def callback_wire(call: str, sub_queue: str, hash_fields: list[Any], job_type: JobType) -> str:
    """Return what dependents.lua makes the callback's hash of, without its data, times and parent.

    Args:
        call: The beginning of RQ's `data` field, up to the data.
        sub_queue: Where the callback is enqueued.
        hash_fields: Names and values of its hash.
        job_type: The type of the job that calls back.
    """
    words = [str(word) for word in hash_fields]
    wire = {"call": call, "sub_queue": sub_queue, "fields": words, "queue": job_type.queue, "job_type": job_type.name}
    return json.dumps(wire, separators=(",", ":"))
