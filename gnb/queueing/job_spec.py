"""From a call's type, data and options to what the enqueue script writes: a job hash in RQ's own format."""

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import clock
from .errors import InvalidJobData, InvalidJobOption
from .job import LARGEST_DATA, Job
from .job_types import JobType
from .json_values import encode_data
from .keys import QueueKeys
from .messages import make_message
from .options import JobOptions, plain
from .queue_options import RateLimit

_COMPRESS_FROM = 300
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(slots=True)
class JobSpec:
    """A job ready to be written: its options, the fields of its hash, and the job as `enqueue` returns it."""

    options: JobOptions
    sub_queue: str
    fields: list[Any]
    job: Job

    @property
    def parents(self) -> str:
        """What it depends on, as the script takes it."""
        chosen = self.options
        ids = chosen.depends_on.ids
        return f"{chosen.depends_on.mode(chosen.on_parent_failure)} {' '.join(ids)}" if ids else ""

    @property
    def args(self) -> list[Any]:
        """The arguments of the enqueue script for this job."""
        chosen, given = self.options, self.fields
        known, once = "1" if chosen.job_id else "", chosen.deduplication.wire if chosen.deduplication else ""
        return [self.job.id, self.sub_queue, chosen.delay, known, self.parents, once, len(given), *given]


def build_job_spec(
    keys: QueueKeys,
    job_type: JobType,
    base: JobOptions,
    data: Mapping[str, Any],
    options: Mapping[str, Any],
    now: float,
    correlation_id: str = "",
    rate_limit: RateLimit | None = None,
) -> JobSpec:
    """Build the job for this data and these options; `now` is the broker's time in epoch seconds, `rate_limit` one with
    a key.

    Raises InvalidJobData, InvalidJobOption.
    """
    chosen = base.override(options)
    wire = _as_json(data) if data else "{}"
    stored: dict[str, Any] = json.loads(wire)
    if job_type.schema is not None:
        job_type.load(stored)
        if job_type.leave_out_excluded(stored):
            wire = _encode(stored)
    job_id = chosen.job_id or os.urandom(12).hex()
    sub_queue = keys.sub_queue(chosen.priority)
    status = "scheduled" if chosen.delay > 0 else "queued"
    fields = _fields(job_type, chosen, base, wire, sub_queue, status, clock.rq_time(now))
    if options:
        fields += ["opts", json.dumps(plain(_as_checked(options, chosen)))]
    if correlation_id:
        fields += ["meta", _encode({"correlation_id": correlation_id})]
    if rate_limit is not None and (limit := rate_limit.for_data(data)):
        fields += ["key_limit", limit]
    if chosen.deduplication:
        if chosen.deduplication.replace and chosen.depends_on.ids:
            raise InvalidJobOption("replace_with_parents")
        fields += [chosen.deduplication.field, chosen.deduplication.digest]
    return JobSpec(chosen, sub_queue, fields, _job(keys, job_type, chosen, stored, job_id, now))


def _as_checked(options: Mapping[str, Any], chosen: JobOptions) -> Mapping[str, Any]:
    """Return the options with ids for the jobs in `depends_on`."""
    return {**options, "depends_on": chosen.depends_on} if "depends_on" in options else options


def option_fields(options: JobOptions, defaults: JobOptions) -> list[Any]:
    """Return the names and values of a job's hash that hold options other than its type's defaults.

    Every reader has the defaults. The timeout is always written, because RQ gives a job without one its own.
    """
    own, default = options.hash_fields, defaults.hash_fields
    words = list(own[:2])
    if options is defaults:
        return words
    known = set(zip(default[2::2], default[3::2], strict=True))
    words += [word for pair in zip(own[2::2], own[3::2], strict=True) if pair not in known for word in pair]
    if options.attempts > 1 and options.backoff.jitter:
        words += ["retry_intervals", _encode(options.backoff.intervals(options.attempts - 1))]
    if options.on_parent_failure == "cancel":  # the scripts do not know the defaults
        words += ["failure_ttl", options.remove_on_fail.ttl]
    return words


def call_start(job_type: JobType) -> str:
    """Return RQ's `data` field up to the job's data."""
    return f'["{job_type.path}",null,[],'


def _fields(
    job_type: JobType, options: JobOptions, base: JobOptions, wire: str, sub_queue: str, status: str, now: str
) -> list[Any]:
    call = f"{call_start(job_type)}{wire}]".encode()
    fields: list[Any] = [
        "data", call if len(call) < _COMPRESS_FROM else zlib.compress(call),
        "type", job_type.name,
        "origin", sub_queue,
        "status", status,
        "created_at", now,
        "enqueued_at", now,
        *option_fields(options, base),
        *options.depends_on.fields(options.on_parent_failure),
    ]  # fmt: skip
    if options is not base:
        if options.remove_on_complete.keep != base.remove_on_complete.keep:
            fields += ["keep_completed", options.remove_on_complete.keep]
        if options.remove_on_fail.keep != base.remove_on_fail.keep:
            fields += ["keep_failed", options.remove_on_fail.keep]
    return fields


def _as_json(data: Mapping[str, Any]) -> str:
    try:
        wire, wrong = encode_data(data)
    except ValueError as error:
        raise InvalidJobData({"_schema": [make_message("invalid_job_data.not_json", what=str(error))]}) from None
    if len(wire) > LARGEST_DATA:
        wrong = {"_schema": [make_message("invalid_job_data.long", length=len(wire), most=LARGEST_DATA)]}
    if wrong:
        raise InvalidJobData(wrong)
    return wire


def _job(keys: QueueKeys, job_type: JobType, options: JobOptions, data: dict[str, Any], job_id: str, now: float) -> Job:
    moment = datetime.fromtimestamp(now, UTC)
    return Job(
        id=job_id,
        queue=keys.name,
        name=job_type.name,
        data={"type": job_type.name, **data},
        state="delayed" if options.delay > 0 else "waiting",
        priority=options.priority,
        attempts_made=0,
        attempts_limit=options.attempts,
        created_at=moment,
        enqueued_at=moment,
        run_at=moment + timedelta(seconds=options.delay) if options.delay > 0 else None,
        timeout=options.timeout,
    )
